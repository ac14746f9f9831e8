"""What the extension registers in a shell, and takes back."""

from __future__ import annotations

import atexit
from contextlib import ExitStack, suppress
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from IPython.core.inputtransformer2 import TokenTransformBase
from IPython.core.magic import Magics, cell_magic, line_magic, magics_class, no_var_expand

from hero_kernel.errors import HeroError
from magics.cells import action_end, is_action, is_heroscript
from magics.completion.hooks import Hooks
from magics.connection import Connection
from magics.door import Door
from magics.errors import shown_briefly
from magics.guard import Guard
from magics.interrupts import answered

if TYPE_CHECKING:
    import tokenize
    from collections.abc import Callable

    from IPython.core.interactiveshell import InteractiveShell
    from IPython.lib.pretty import RepresentationPrinter

    from magics.arguments import Command

_LOADED = "_hero_extension"


def load(shell: InteractiveShell) -> None:
    """Register everything; loading twice registers once."""
    if getattr(shell, _LOADED, None) is None:
        extension = Extension(shell)
        extension.register()
        setattr(shell, _LOADED, extension)


def unload(shell: InteractiveShell) -> None:
    """Take everything back."""
    extension = getattr(shell, _LOADED, None)
    if extension is not None:
        extension.unregister()
        setattr(shell, _LOADED, None)


@magics_class
class HeroMagics(Magics):
    """The magics; each hands its line to the room that knows what to do."""

    def __init__(self, shell: InteractiveShell, door: Door) -> None:
        super().__init__(shell)
        self.door = door

    @cached_property
    def commands(self) -> dict[str, Command]:
        """The line magics by name; at the first use, for they bring every room along."""
        from magics import (  # noqa: PLC0415  # said above
            config,
            context,
            db,
            env,
            hero,
            log,
            panel,
            param,
            secret,
            session,
        )

        commands = {
            "hero": hero.command(self.door),
            "hero_context": context.command(self.door),
            "hero_session": session.command(self.door),
            "hero_env": env.command(self.door),
            "hero_param": param.command(self.door),
            "hero_db": db.command(self.door),
            "hero_config": config.command(self.door),
            "hero_secret": secret.command(self.door),
            "hero_log": log.command(self.door),
            "hero_panel": panel.command(self.door),
        }
        commands["hero_help"] = hero.help_command(self.door, commands)
        return commands

    @line_magic
    @no_var_expand
    @shown_briefly
    def hero(self, line: str) -> Any:
        """Show where the notebook is: its context, its session, and why."""
        return self.commands["hero"].run(line)

    @line_magic
    @no_var_expand
    @shown_briefly
    def hero_help(self, line: str) -> Any:
        """List the magics and the actions, or explain one of them."""
        return self.commands["hero_help"].run(line)

    @line_magic
    @no_var_expand
    @shown_briefly
    def hero_context(self, line: str) -> Any:
        """Show or choose the context the notebook is in; `%hero_context -h` tells the verbs."""
        return self.commands["hero_context"].run(line)

    @line_magic
    @no_var_expand
    @shown_briefly
    def hero_session(self, line: str) -> Any:
        """Show or choose the session the notebook is on; `%hero_session -h` tells the verbs."""
        return self.commands["hero_session"].run(line)

    @line_magic
    @no_var_expand
    @shown_briefly
    def hero_env(self, line: str) -> Any:
        """Show or change the session's environment variables; `%hero_env -h` tells the verbs."""
        return self.commands["hero_env"].run(line)

    @line_magic
    @no_var_expand
    @shown_briefly
    def hero_param(self, line: str) -> Any:
        """Show or change the session's parameters; `%hero_param -h` tells the verbs."""
        return self.commands["hero_param"].run(line)

    @line_magic("hero_db")  # type: ignore[arg-type]  # as below
    @no_var_expand
    @shown_briefly
    def hero_db_line(self, line: str) -> Any:
        """Show or change the session's database, and others; `%hero_db -h` tells the verbs."""
        return self.commands["hero_db"].run(line)

    @cell_magic("hero_db")  # type: ignore[arg-type]  # as below
    @no_var_expand
    @shown_briefly
    def hero_db_cell(self, line: str, cell: str) -> Any:
        """Keep the cell's text under a key of the session's database: `%%hero_db -h`."""
        from magics import db  # noqa: PLC0415  # as `commands`

        return db.cell(self.door, line, cell)

    @line_magic("hero_config")  # type: ignore[arg-type]  # as below
    @no_var_expand
    @shown_briefly
    def hero_config_line(self, line: str) -> Any:
        """Show or change the context's config files; `%hero_config -h` tells the verbs."""
        return self.commands["hero_config"].run(line)

    @cell_magic("hero_config")  # type: ignore[arg-type]  # as below
    @no_var_expand
    @shown_briefly
    def hero_config_cell(self, line: str, cell: str) -> Any:
        """Write the cell's text to a config file of the context: `%%hero_config -h`."""
        from magics import config  # noqa: PLC0415  # as `commands`

        return config.cell(self.door, line, cell)

    @line_magic
    @no_var_expand
    @shown_briefly
    def hero_secret(self, line: str) -> Any:
        """Give the context a secret, or keep some by name; `%hero_secret -h` tells the verbs."""
        return self.commands["hero_secret"].run(line)

    @line_magic
    @no_var_expand
    @shown_briefly
    def hero_log(self, line: str) -> Any:
        """Show or search the session's log, or write into it; `%hero_log -h` tells the verbs."""
        return self.commands["hero_log"].run(line)

    @line_magic
    @no_var_expand
    @shown_briefly
    def hero_panel(self, line: str) -> Any:
        """Show what is kept in a panel, as it is now, and change it there: `%hero_panel -h`."""
        return self.commands["hero_panel"].run(line)

    @line_magic("heroscript")  # type: ignore[arg-type]  # IPython types the form without a name
    @no_var_expand
    @shown_briefly
    def heroscript_line(self, line: str) -> Any:
        """Carry out a file or folder of heroscript, or show a kept run: `%heroscript -h`."""
        from magics import heroscript  # noqa: PLC0415  # as `commands`

        return heroscript.line(self.door, line)

    @cell_magic("heroscript")  # type: ignore[arg-type]  # as above
    @no_var_expand
    @shown_briefly
    def heroscript_cell(self, line: str, cell: str) -> Any:
        """Carry out the cell's actions, and show the report: `%%heroscript -h`."""
        from magics import heroscript  # noqa: PLC0415  # as `commands`

        return heroscript.cell(self.door, line, cell)


class Extension:
    """Everything registered in one shell."""

    def __init__(self, shell: InteractiveShell) -> None:
        self.shell = shell
        self.door = Door(shell)
        self.guard = Guard(shell, self.door.redactor)
        self.magics = HeroMagics(shell, self.door)
        self._tokens = _line_transformer(self._has_actor)
        self._put = ExitStack()
        self.hooks = Hooks(shell, self.door, lambda: self.magics.commands)
        self.connection = Connection(self.door)

    def register(self) -> None:
        """Put it all in its place."""
        shell = self.shell
        self.door.open()
        shell.register_magics(self.magics)
        manager = shell.input_transformer_manager
        # first, before blank lines are taken off the top: places count the lines the user sees
        manager.cleanup_transforms.insert(0, self._claim)
        manager.token_transformers.append(self._tokens)
        shell.events.register("pre_run_cell", self.door.before_cell)
        shell.events.register("post_run_cell", self.door.after_cell)
        atexit.register(self.door.leave)  # runs in every orderly end, also of plain IPython
        self.guard.register()
        self.hooks.register()
        kernel = getattr(shell, "kernel", None)
        if kernel is not None:
            self._put.enter_context(answered(kernel))
            kernel.comm_manager.register_target(_TARGET, self._reconnected)
            self.connection.open()
        formatter = shell.display_formatter
        if formatter is not None:
            formatter.formatters["text/plain"].for_type_by_name(*_TEXT, self._text)
            formatter.mimebundle_formatter.for_type(type(Path()), self._bundle)
            for name in _SHOWN:
                formatter.mimebundle_formatter.for_type_by_name(*name, self._bundle)
            for name in _PANELS:
                formatter.mimebundle_formatter.for_type_by_name(*name, self._panel)

    def unregister(self) -> None:
        """Take it all back."""
        shell = self.shell
        manager = shell.magics_manager
        for kind, names in self.magics.magics.items():
            for name in names:
                manager.magics[kind].pop(name, None)
        manager.registry.pop(type(self.magics).__name__, None)
        inputs = shell.input_transformer_manager
        _remove(inputs.cleanup_transforms, self._claim)
        _remove(inputs.token_transformers, self._tokens)
        with suppress(ValueError):  # the user may have taken it back himself
            shell.events.unregister("pre_run_cell", self.door.before_cell)
            shell.events.unregister("post_run_cell", self.door.after_cell)
        formatter = shell.display_formatter
        if formatter is not None:
            formatter.formatters["text/plain"].pop(".".join(_TEXT), None)
            formatter.mimebundle_formatter.pop(type(Path()), None)
            for name in (*_SHOWN, *_PANELS):
                formatter.mimebundle_formatter.pop(".".join(name), None)
        self.guard.unregister()
        self.hooks.unregister()
        self._put.close()
        kernel = getattr(shell, "kernel", None)
        if kernel is not None:
            kernel.comm_manager.unregister_target(_TARGET, self._reconnected)
            self.connection.close()
        atexit.unregister(self.door.leave)
        self.door.close()

    def _bundle(self, thing: Any, **_: Any) -> dict[str, Any] | None:
        """A thing of ours, for front ends to choose a form of."""
        return self.door.shown(thing)

    def _panel(self, thing: Any, **_: Any) -> dict[str, Any] | None:
        """A panel, or a value that is shown as one."""
        from magics.panels.display import bundle  # noqa: PLC0415  # as `HeroMagics.commands`

        return bundle(self.door, thing)

    def _reconnected(self, comm: Any, message: Any) -> None:
        """A front end shows a panel of a kernel before this one."""
        from magics.panels.reconnect import talk  # noqa: PLC0415  # as `HeroMagics.commands`

        talk(self.door, comm, message)

    def _text(self, thing: Any, printer: RepresentationPrinter, _: bool) -> None:
        printer.text((self.door.shown(thing) or {}).get("text/plain", ""))

    def _claim(self, lines: list[str]) -> list[str]:
        """Give a bare heroscript cell to the magic, and a question about one to the help."""
        if asked := self.hooks.asked(lines):
            return [f"{asked}\n"]
        if is_heroscript(lines, self._has_actor):
            return ["%%heroscript --bare\n", *lines]
        return lines

    def _has_actor(self, actor: str) -> bool:
        try:
            return self.door.workspace.actors.has_actor(actor)
        except HeroError:  # nobody can tell: the magic says why, and the shell sees nothing
            return True


def _remove(things: list[Any], thing: object) -> None:
    with suppress(ValueError):  # as above
        things.remove(thing)


_TARGET = "hero.panel"
"""`magics.panels.reconnect.TARGET`, which is not loaded for its name alone."""

_TEXT = ("magics.display", "Text")

_SHOWN = (
    ("magics.display", "Table"),
    ("magics.display", "Line"),
    ("magics.display", "Sheet"),
    ("magics.display", "Refusal"),
)

_PANELS = (
    ("magics.panels.display", "Panels"),
    ("hero_kernel.contexts", "Context"),
    ("hero_kernel.sessions.session", "Session"),
    ("hero_kernel.databases.database", "Database"),
    ("hero_kernel.report.model", "Report"),
)
"""Types by their names: they are loaded when there is one to show."""


def _line_transformer(has_actor: Callable[[str], bool]) -> type[TokenTransformBase]:
    """A transformer for actions between lines of Python, which would reach the shell."""

    class ActionLine(TokenTransformBase):
        priority = 1  # before IPython's own reading of `!!`, and of a `?` at the line's end

        @classmethod
        def find(cls, tokens_by_line: list[list[tokenize.TokenInfo]]) -> ActionLine | None:
            """The first action that stands where a statement may begin."""
            if not any(one and "!!" in one[0].line for one in tokens_by_line):
                return None  # as nearly always, and every cell is asked twice
            firsts = [next((t for t in one if t.string.strip()), None) for one in tokens_by_line]
            for first, after in pairwise((*firsts, None)):
                if first is not None and first.string == "!":
                    column = first.start[1]
                    following = after.line[column:] if after is not None else ""
                    if is_action(first.line[column:], following, has_actor):
                        return cls(first.start)
            return None

        def transform(self, lines: list[str]) -> list[str]:
            """Replace the action by a call that runs it, in as many lines."""
            at = self.start_line
            indent = lines[at][: self.start_col]
            end = action_end(lines, at, indent)
            text = "".join(lines[at:end]).removeprefix(indent).rstrip()
            call = f"get_ipython().run_cell_magic('heroscript', '--line {at + 1}', {text!r})\n"
            return [*lines[:at], indent + call, *["\n"] * (end - at - 1), *lines[end:]]

    return ActionLine
