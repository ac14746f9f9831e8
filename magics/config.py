"""`%hero_config`: config files of the context."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from hero_kernel.errors import HeroConfigNotFoundError, SourceError, UsageError, did_you_mean
from magics.arguments import Command, Help, Parser, Verb, offers, words
from magics.display import Line, Table, Text

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from hero_kernel import Context
    from magics.doorway import Door


class ConfigVerbs:
    """What `%hero_config` does, in one shell."""

    def __init__(self, door: Door) -> None:
        self.door = door

    @property
    def _context(self) -> Context:
        return self.door.session().context

    def show(self, given: Namespace) -> Table:
        """List the config files, or those of one category."""
        config = self._context.config_files()
        rows = tuple(
            (category, name, str(config.path(category, name)))
            for category, name in config.list(given.category)
        )
        note = "" if rows else "there is none yet"
        title = f"context {self._context.guid}"
        return Table(("category", "name", "file"), rows, title=title, note=note)

    def get(self, given: Namespace) -> Text:
        """The text of a config file; what is encrypted in it stays so."""
        return Text(self._context.hero_config_get(given.category, given.name))

    def load(self, given: Namespace) -> Any:
        """The YAML of a config file as data; what is encrypted in it becomes a Secret."""
        return self._context.hero_config_load(given.category, given.name)

    def set_(self, given: Namespace) -> Line:
        """Write a config file: a text, or what a file holds; `%%hero_config` writes a cell."""
        if (given.file is None) == (not given.content):
            what = "CONTENT and --file are given" if given.content else "CONTENT is missing"
            raise UsageError(f"%hero_config set: {what}", hint=f"give one of them, or {_CELL}")
        if len(given.content) > 1:
            raise UsageError(
                "CONTENT is several words, whose quotes and blanks would be lost",
                hint=f"put all of it in quotes, or {_CELL}",
            )
        text = given.content[0] if given.content else _text(given.file)
        return self.write(given, text)

    def write(self, given: Namespace, text: str) -> Line:
        """Write a config file."""
        path = self._context.hero_config_set(
            given.category, given.name, text, expand=False if given.raw else "shell"
        )
        return Line(f"{given.category} {given.name} is written to {path}")

    def seal(self, given: Namespace) -> Line:
        """Encrypt values in a config file, and leave all else in it as it is."""
        count = self._context.config_files().seal(given.category, given.name, *given.paths)
        already = len(set(given.paths)) - count
        values = f"{count} value{'' if count == 1 else 's'}"
        said = f"{values} of {given.category} {given.name} encrypted"
        return Line(said + (f"; {already} already" if already > 0 else ""))

    def remove(self, given: Namespace) -> Line:
        """Delete a config file."""
        context = self._context
        if not context.hero_config_delete(given.category, given.name):
            known = [" ".join(one) for one in context.hero_config_list()]
            asked = f"{given.category} {given.name}"
            raise HeroConfigNotFoundError(
                f"there is no config file {asked}", hint=did_you_mean(asked, known)
            )
        return Line(f"{given.category} {given.name} is deleted")

    def path(self, given: Namespace) -> str:
        """Where a config file is, or would be; alone: the folder they are in."""
        if not given.category:
            return str(self._context.path)
        if not given.name:
            raise UsageError("%hero_config path needs NAME too", hint="or give neither")
        return str(self._context.config_files().path(given.category, given.name))


def command(door: Door) -> Command:
    """The magic, for one shell."""
    verbs = ConfigVerbs(door)
    return Command(
        "%hero_config",
        "the config files of the context",
        {
            "show": Verb(verbs.show, _category_argument),
            "list": Verb(verbs.show, _category_argument),
            "get": Verb(verbs.get, _file_arguments),
            "load": Verb(verbs.load, _file_arguments),
            "set": Verb(verbs.set_, _set_arguments),
            "seal": Verb(verbs.seal, _seal_arguments),
            "rm": Verb(verbs.remove, _file_arguments),
            "path": Verb(verbs.path, _path_arguments),
        },
        names="config",
    )


def cell_parser() -> Parser:
    """What reads the line of `%%hero_config`."""
    parser = Parser("%%hero_config", "Write the text of the cell to a config file.")
    _path_arguments(parser)
    _raw_argument(parser)
    return parser


def cell(door: Door, line: str, body: str) -> Help | Line:
    """`%%hero_config CATEGORY NAME`: write the text of the cell to a config file.

    Raises:
        UsageError: The line is wrong.
    """
    parser = cell_parser()
    given = parser.parse_args(words(line))
    if given.help:
        return Help(parser.format_help())
    if not given.name:
        parser.error("the following arguments are required: CATEGORY, NAME")
    return ConfigVerbs(door).write(given, body)


_CELL = "write the text into a cell that begins with %%hero_config CATEGORY NAME"


def _text(file: str) -> str:
    path = Path(file).expanduser().absolute()
    try:
        return path.read_bytes().decode()
    except UnicodeDecodeError as error:
        raise SourceError(
            f"{path} is not UTF-8 text: byte {error.start} cannot be read", hint="nothing is set"
        ) from None
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", "") or str(error)
        raise SourceError(f"{path} cannot be read: {why.lower()}", hint="nothing is set") from None


def _category_argument(parser: ArgumentParser) -> None:
    parser.add_argument("category", nargs="?", metavar="CATEGORY")


def _file_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("category", metavar="CATEGORY")
    parser.add_argument("name", metavar="NAME")


def _path_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("category", nargs="?", default="", metavar="CATEGORY")
    parser.add_argument("name", nargs="?", default="", metavar="NAME")


def _raw_argument(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--raw", action="store_true", help="as it is: indentation, ~ and {HOME} stay"
    )


def _set_arguments(parser: ArgumentParser) -> None:
    _file_arguments(parser)
    parser.add_argument("content", nargs="*", metavar="CONTENT", help="a text in quotes")
    parser.add_argument("-f", "--file", metavar="FILE", help="what this file holds")
    _raw_argument(parser)


def _seal_arguments(parser: ArgumentParser) -> None:
    _file_arguments(parser)
    paths = parser.add_argument(
        "paths", nargs="+", metavar="PATH", help="keys with dots between them: smtp.password"
    )
    offers(paths, "")
