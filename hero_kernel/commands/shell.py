"""The outer shell: which commands there are, and how each one ends."""

from __future__ import annotations

import os
import signal
import sys
from contextlib import contextmanager, suppress
from io import TextIOWrapper
from typing import TYPE_CHECKING, Any, NoReturn

from hero_kernel import default
from hero_kernel.commands.given import Given
from hero_kernel.errors import (
    GitAddressError,
    HeroError,
    NotAllowedError,
    SourceError,
    UsageError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import FrameType

    from hero_kernel.redaction import Redactor

CALLED_WRONGLY = (SourceError, UsageError, GitAddressError, NotAllowedError)
"""Errors after which nothing ran, and the same command never will as things are."""

FAILED, WRONG, INTERRUPTED = 1, 2, 130
"""Exit statuses; the last one is 128 and SIGINT, as shells tell it."""

UNHEARD = 128 + 13
"""The exit status when nobody reads the answer any more: as SIGPIPE would have it."""

COMMANDS = {
    "run": "carry out a script, a folder of them, a git address or a notebook",
    "status": "where commands act: the context, the session, and why",
    "contexts": "list, make, change and delete contexts",
    "sessions": "list, make, change and delete sessions",
    "env": "the session's environment variables",
    "param": "the session's parameters, or with --shared the context's",
    "db": "keys and values of the session's database, and of others in its context",
    "config": "the context's config files",
    "secret": "the context's secret, and secrets kept under a name",
    "log": "the session's log; --follow shows it while it grows",
    "actions": "list the actions, or explain one",
    "convert": "make a notebook of a script, or a script of a notebook",
    "allow": "let a playbook of others run; alone, show what waits",
    "revoke": "take allowances back",
    "deny": "let nothing of a repository run",
    "undeny": "take a denial back",
    "import": "bring in what herolib or another place wrote",
    "install": "write a kernelspec for a Jupyter that lives elsewhere",
    "doctor": "find what is wrong with the installation and its places",
    "completion": "print what makes a shell complete these commands",
}
"""Every command, in the order of the help."""

OWN = ("run", "convert", "install", "doctor", "completion")
"""Those that are written here; the others are the magics."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command.

    Returns:
        The exit status: 0 done, 1 something failed, 2 called wrongly or not allowed, 130
        interrupted, 143 and 129 after SIGTERM and SIGHUP, 141 when nobody reads the answer.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal may lack our signs
    with _signals() as came:
        try:
            status = _call(words)
            if sys.stdout is not None:
                sys.stdout.flush()
        except (UnheardError, BrokenPipeError):
            return _unheard()
        except OSError as error:
            _complain(f"the answer cannot be written: {error.strerror}")
            return _unheard(FAILED)
        except KeyboardInterrupt:
            _complain("interrupted")
            status = INTERRUPTED
    return 128 + came[0] if came and status == INTERRUPTED else status


def _call(words: list[str]) -> int:
    as_json = "--json" in words[: words.index("--")] if "--" in words else "--json" in words
    call = Call(guess=as_json)
    try:
        if _is_plain_run(words):
            return _run(words[1], words[2:])
        from hero_kernel.commands import reader  # noqa: PLC0415  # click, where it is needed

        return reader.carry_out(words, call)
    except HeroError as error:
        _refuse(error, call)
        return WRONG if isinstance(error, CALLED_WRONGLY) else FAILED


def _is_plain_run(words: list[str]) -> bool:
    """Whether it is a run without options, which starts a tenth sooner without click."""
    if len(words) < 2 or words[0] != "run":  # noqa: PLR2004  # the command and a path
        return False
    return all(word == "-" or not word.startswith("-") for word in words[1:])


def _run(path: str, pairs: list[str]) -> int:
    from hero_kernel.commands.running import run  # noqa: PLC0415  # as said in `_call`

    try:
        return run(path, pairs, Given())
    except (EOFError, KeyboardInterrupt):
        _complain("")  # as click: the terminal shows ^C
        raise KeyboardInterrupt from None


class Call:
    """What is known of the options while a command is read.

    Attributes:
        above: Those before its name.
        final: All of them; None while its own are not read yet.
    """

    def __init__(self, *, guess: bool) -> None:
        self._guess = guess
        self.above = Given()
        self.final: Given | None = None

    @property
    def as_json(self) -> bool:
        """Whether the answer is JSON; as long as that is not read, whether it looks like it."""
        return self._guess if self.final is None else self.final.as_json


class UnheardError(Exception):
    """Nobody reads the answer any more; click would make its own of a BrokenPipeError."""


def redactor() -> Redactor | None:
    """What knows the secrets that this process has met; None when it can have met none."""
    workspace = default.built()
    return None if workspace is None else workspace.redactor


def _refuse(error: HeroError, call: Call) -> None:
    from hero_kernel.commands import show  # noqa: PLC0415  # it brings the tables along

    show.refuse(error, as_json=call.as_json, redactor=redactor())


@contextmanager
def _signals() -> Iterator[list[int]]:
    """SIGTERM and SIGHUP end a command as Ctrl-C does: its report is kept, its kernel ended.

    Yields:
        The signals that came.
    """
    came: list[int] = []

    def end(number: int, _: FrameType | None) -> NoReturn:
        came.append(number)
        raise KeyboardInterrupt

    before: dict[int, Any] = {}
    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)  # Windows has no SIGHUP
        with suppress(ValueError):  # not in the main thread
            if number is not None and signal.getsignal(number) == signal.SIG_DFL:
                before[number] = signal.signal(number, end)
    try:
        yield came
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _complain(said: str) -> None:
    with suppress(OSError, ValueError, AttributeError):  # nobody may be there to hear it
        sys.stderr.write(f"{said}\n")
        sys.stderr.flush()


def _unheard(status: int = UNHEARD) -> int:
    """Let nothing more be written: the interpreter would, at its end."""
    with suppress(OSError, ValueError, AttributeError):
        silence = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silence, sys.stdout.fileno())
        os.close(silence)
    return status
