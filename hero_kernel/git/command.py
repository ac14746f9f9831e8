"""Git, started without a shell, without its hooks, and never for longer than it may take."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from selectors import EVENT_READ, DefaultSelector
from time import monotonic
from typing import TYPE_CHECKING, TypeAlias

from hero_kernel.errors import GitError
from hero_kernel.git.addresses import without_credentials
from hero_kernel.stores.interrupts import deferred

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

OnProgress: TypeAlias = "Callable[[str, float | None], None]"
"""Is told what git is at, and how far it is, from 0 to 1."""

TIMEOUT_S = 60.0
"""How long git may take when nobody said otherwise."""

MAX_FETCHED = 100 * 2**20
"""Bytes that a clone or a fetch for a playbook may bring; scripts are small."""

_KEPT = frozenset(
    ["GIT_SSH", "GIT_SSH_COMMAND", "GIT_SSH_VARIANT", "GIT_SSL_CAINFO", "GIT_SSL_CAPATH"]
    + ["GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM", "GIT_CONFIG_NOSYSTEM"]
    + [f"GIT_{who}_{what}" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL", "DATE")]
)
"""Variables of git's that say who the user is and how hosts are reached; the others, which say
where the repository lies and what else to run, stay behind."""

_CONFIG = (
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "protocol.ext.allow=never",
    "submodule.recurse=false",
    "gc.autoDetach=false",
    "maintenance.auto=false",
    "advice.detachedHead=false",
    "core.quotePath=false",
)

_MAX_OUTPUT = 32 * 2**20
_LOOK_S = 0.1
_TERM_S = 2.0
_SHOWN = 300


@dataclass(frozen=True, slots=True)
class Git:
    """How git is called.

    Attributes:
        environ: The environment variables it is started from.
        offline: Whether the network must not be touched.
        timeout_s: Seconds that one call may take.
        ssh_key: The file of the key for ssh; empty for what ssh finds by itself.
        on_progress: Is told how far a transfer is.
    """

    environ: Mapping[str, str] = field(repr=False)
    offline: bool = False
    timeout_s: float = TIMEOUT_S
    ssh_key: str = ""
    on_progress: OnProgress | None = None


def calling(
    environ: Mapping[str, str],
    *,
    offline: bool = False,
    timeout_s: float = TIMEOUT_S,
    ssh_key: str = "",
    on_progress: OnProgress | None = None,
) -> Git:
    """How git is called with these environment variables: `OFFLINE=1` keeps it off the network."""
    told = environ.get("OFFLINE", "").strip().lower() not in ("", "0", "false", "no")
    return Git(environ, offline or told, timeout_s, ssh_key, on_progress)


def run(
    args: Sequence[str],
    cwd: Path,
    *,
    using: Git,
    protocols: str = "https:ssh",
    growing: Path | None = None,
) -> str:
    """Run a git command to its end; what it said on stdout.

    Nobody is asked for a password, no hook runs, and no other program is started but those of
    the user's own configuration: ssh, credential helpers, filters. Ctrl-C, and time running
    out, end git and all it started.

    Args:
        args: The command and its arguments, one text each.
        cwd: Where; a repository above the folder is not found.
        using: How.
        protocols: What may be fetched over, with `:` between.
        growing: A folder that may grow by `MAX_FETCHED` bytes meanwhile.

    Raises:
        GitError: Git is not there, failed, took too long or brought too much.
    """
    settings = [part for one in _CONFIG for part in ("-c", one)]
    argv = ["git", "--no-pager", *settings, *args]
    size = 0 if growing is None else _size(growing)
    try:
        with deferred():  # between its start and our hold on it, nothing may come
            process = subprocess.Popen(  # noqa: S603  # a list of arguments, and no shell
                argv,
                cwd=cwd,
                env=_environment(using, cwd, protocols),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,  # one group to end, and no terminal to ask on
            )
    except FileNotFoundError as error:
        if not cwd.is_dir():
            raise GitError(f"there is no folder {cwd}", hint="check the path") from error
        raise GitError("git is not installed", hint="apt install git") from error
    except OSError as error:
        raise GitError(f"git cannot be started: {error.strerror}", hint="check PATH") from error
    work = _Work(args[0], process, using)
    try:
        work.follow(growing, size + MAX_FETCHED)
    except BaseException:
        _end(process)
        raise
    finally:
        for pipe in (process.stdout, process.stderr):
            if pipe is not None:
                pipe.close()
    if process.returncode:
        raise work.failure()
    return work.output.decode("utf-8", "surrogateescape")


def _environment(using: Git, cwd: Path, protocols: str) -> dict[str, str]:
    kept = {
        name: value
        for name, value in using.environ.items()
        if name in _KEPT or not name.startswith(("GIT_", "HERO_"))
    }
    ours = {
        "GIT_ALLOW_PROTOCOL": protocols,
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ASKPASS": "",  # set and empty: neither core.askPass nor SSH_ASKPASS is started
        "SSH_ASKPASS_REQUIRE": "never",
        "GCM_INTERACTIVE": "never",
        "GIT_CEILING_DIRECTORIES": str(cwd.parent),
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_EDITOR": ":",
        "LC_ALL": "C",
        "LANGUAGE": "",
    }
    if using.ssh_key:
        ours["GIT_SSH_COMMAND"] = f"ssh -o IdentitiesOnly=yes -i {_ssh_key(using.ssh_key)}"
    return kept | ours


def _ssh_key(path: str) -> str:
    """The path, fit for the one setting that git hands to a shell."""
    if not re.fullmatch(r"[A-Za-z0-9_./@+][A-Za-z0-9_./@+-]*", path):
        raise GitError(
            f"the path of the key {path!r} holds other characters than letters, digits, / . _ -",
            hint="move the key, or name it in ~/.ssh/config",
        )
    return shlex.quote(path)


class _Work:
    """A git command while it runs: what it said, and how far it is."""

    def __init__(self, verb: str, process: subprocess.Popen[bytes], using: Git) -> None:
        self.verb = verb
        self.process = process
        self.output = bytearray()
        self._using = using
        self._said: deque[str] = deque(maxlen=100)
        self._rest = b""

    def follow(self, growing: Path | None, limit: int) -> None:
        """Read what it says until it ends; raises when it takes too long or brings too much."""
        process, now = self.process, monotonic()
        deadline, look = now + self._using.timeout_s, now
        assert process.stdout is not None  # noqa: S101  # both are pipes
        assert process.stderr is not None  # noqa: S101
        with DefaultSelector() as selector:
            selector.register(process.stdout, EVENT_READ, self._take_output)
            selector.register(process.stderr, EVENT_READ, self._take_words)
            while selector.get_map():
                ready = selector.select(_LOOK_S)
                for key, _ in ready:
                    data = os.read(key.fd, 1 << 16)
                    key.data(data)
                    if not data:
                        selector.unregister(key.fileobj)
                if not ready and process.poll() is not None:
                    break  # a helper that lives on holds the pipes
                now = monotonic()
                if now > deadline:
                    raise self._too_long()
                if now > look:
                    _check_size(growing, limit)
                    look = now + _LOOK_S
        try:
            process.wait(max(0.0, deadline - monotonic()))
        except subprocess.TimeoutExpired:
            raise self._too_long() from None
        _check_size(growing, limit)

    def _take_output(self, data: bytes) -> None:
        if len(self.output) + len(data) > _MAX_OUTPUT:
            raise GitError(f"git {self.verb} says more than can be read", hint="ask for less")
        self.output += data

    def _take_words(self, data: bytes) -> None:
        *lines, self._rest = re.split(b"[\r\n]", self._rest + data)
        if not data:
            lines.append(self._rest)
        for line in lines:
            self._hear(line.decode("utf-8", "replace").strip())
        self._rest = self._rest[-4096:]

    def _hear(self, line: str) -> None:
        step = _STEP.match(line)
        if step is None:
            if line:
                self._said.append(line)
        elif self._using.on_progress is not None:
            begin, end = _SPANS.get(step[1], (0.0, 0.0))
            fraction = begin + (end - begin) * min(int(step[2]), 100) / 100 if end else None
            self._using.on_progress(f"{step[1].lower()} {step[3]}", fraction)

    def _too_long(self) -> GitError:
        return GitError(
            f"git {self.verb} took longer than {self._using.timeout_s:g} seconds",
            hint="check the network, or allow it more time",
        )

    def failure(self) -> GitError:
        """What it said when it failed, and what helps."""
        lines = [_told(line) for line in self._said]
        fatal = [line for line in lines if line.startswith(("fatal: ", "error: ", "ERROR: "))]
        said = (fatal or lines[-1:] or [f"it ended with status {self.process.returncode}"])[0]
        said = said.partition(": ")[2] if fatal else said
        everything = "\n".join(lines)
        hint = next((hint for words, hint in _HINTS if words in everything), "")
        return GitError(f"git {self.verb}: {said[:_SHOWN].rstrip(' .')}", hint=hint)


_STEP = re.compile(r"(?:remote: )?([A-Z][a-z]+ [a-z]+):\s+(\d{1,3})% \((\d+/\d+)\)")

_SPANS = {
    "Counting objects": (0.0, 0.05),
    "Compressing objects": (0.05, 0.1),
    "Receiving objects": (0.1, 0.75),
    "Writing objects": (0.1, 1.0),
    "Resolving deltas": (0.75, 0.9),
    "Updating files": (0.9, 1.0),
}
"""What git says while it transfers, in its order, and which part of the whole each is."""

_HINTS = (
    ("could not read Username", "it is private or not there: use ssh, or a credential helper"),
    ("terminal prompts disabled", "it is private or not there: use ssh, or a credential helper"),
    ("Authentication failed", "renew what the credential helper knows"),
    ("Permission denied (publickey)", "add your key to the host and to ssh-agent: ssh-add"),
    ("Host key verification failed", "connect to the host with ssh once, by hand"),
    ("Could not resolve host", "check the host's name and the network"),
    ("Repository not found", "check the address, and that you may read it"),
    ("does not appear to be a git repository", "check the address"),
    ("does not exist", "check the address"),
    ("Not possible to fast-forward", "the histories differ: merge by hand, or reset"),
    ("(fetch first)", "pull first"),
    ("(non-fast-forward)", "pull first"),
    ("dubious ownership", "it belongs to another user: git config --global safe.directory"),
    ("transport 'file' not allowed", "only the user's own cell may use a repository of this disk"),
    ("Please tell me who you are", "git config --global user.name and user.email"),
    ("index.lock", "another git is at work there, or was killed: delete index.lock"),
    ("is not a git command", "install it: apt install git-lfs"),
    ("No space left on device", "free some"),
)


def _told(line: str) -> str:
    """A line of git's, without credentials and without what would draw."""
    line = "".join(char for char in line if char.isprintable())
    return without_credentials(line.removeprefix("remote: "))


def _check_size(folder: Path | None, limit: int) -> None:
    if folder is not None and _size(folder) > limit:
        raise GitError(
            f"more than {MAX_FETCHED >> 20} MiB come in", hint="clone it with git.clone first"
        )


def _size(folder: Path | str) -> int:
    """The bytes of the files below a folder; some may come and go meanwhile."""
    total = 0
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                total += _size(entry.path)
            else:
                with suppress(OSError):
                    total += entry.stat(follow_symlinks=False).st_size
    return total


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a process and all of its group; git takes its lock files along when it is asked to."""
    try:
        _signal(process, signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            process.wait(_TERM_S)
    finally:
        _signal(process, signal.SIGKILL)
        process.wait()


def _signal(process: subprocess.Popen[bytes], number: int) -> None:
    with suppress(ProcessLookupError, PermissionError):  # the group is gone
        os.killpg(process.pid, number)
