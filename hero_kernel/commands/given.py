"""What every command may be given: where it acts, and how it answers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from hero_kernel.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Container, Sequence


@dataclass(frozen=True)
class Given:
    """The options that every command has, before its name or after it.

    Attributes:
        context: `-c NAME`.
        session: `-s NAME`.
        as_json: `--json`: the answer is one JSON document, an error too.
        unlock: `--unlock`: ask for the context's secret first.
    """

    context: str = ""
    session: str = ""
    as_json: bool = False
    unlock: bool = False

    def over(self, other: Given) -> Given:
        """These, and the other ones where these say nothing."""
        return Given(
            self.context or other.context,
            self.session or other.session,
            self.as_json or other.as_json,
            self.unlock or other.unlock,
        )


HELP = """\
everywhere:
  -c, --context NAME  the context; default: HERO_CONTEXT, or the default one
  -s, --session NAME  the session; default: HERO_SESSION, or the context's latest
  --unlock            ask for the context's secret first
  --json              answer with one JSON document, also to say what is wrong
these stand before the verb where the verb has an option of that name itself"""

OPTIONS = ("-c", "--context", "-s", "--session", "--json", "--unlock")


def taken(words: Sequence[str], own: Container[str] = ()) -> tuple[Given, list[str]]:
    """Take these options from among a command's words; the others, in their order.

    Args:
        words: Nothing after a `--` is looked at.
        own: Options that are the verb's own, and stay.

    Raises:
        UsageError: One has no value.
    """
    given, rest = Given(), []
    left = iter(words)
    for word in left:
        option, equals, value = word.partition("=")
        if word[:2] in ("-c", "-s") and len(word) > 2:  # noqa: PLR2004  # -cNAME
            option, equals, value = word[:2], "=", word[2:]
        if word == "--":
            rest += [word, *left]
        elif option in own or option not in OPTIONS or word.startswith(("--json=", "--unlock=")):
            rest.append(word)
        elif option == "--json":
            given = replace(given, as_json=True)
        elif option == "--unlock":
            given = replace(given, unlock=True)
        else:
            name = value if equals else next(left, "")
            if not name:
                raise UsageError(f"{option} needs NAME", hint=f"write {option} NAME")
            is_context = option in ("-c", "--context")
            given = replace(given, context=name) if is_context else replace(given, session=name)
    return given, rest
