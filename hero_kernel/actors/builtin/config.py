"""The `config` actor: config files of the context."""

from __future__ import annotations

from hero_kernel.actors.builtin.core import refuse_secret
from hero_kernel.actors.registry import mark
from hero_kernel.errors import ActionError, CorruptConfigError, HeroConfigNotFoundError
from hero_kernel.report import Changed, Skipped
from hero_kernel.secret import Secret
from hero_kernel.sessions import Session


@mark("config.set")
def set_(
    session: Session,
    *,
    category: str,
    name: str,
    content: str,
    expand: bool = True,
    secrets: list[str] | None = None,
) -> Changed | str:
    """Write a config file of the context; its path.

    Args:
        category: Which kind of file.
        name: Unique in the category.
        content: Its text; common indentation is taken away.
        expand: Whether `~`, `$HOME` and `{HOME}` become the home folder; without it the text is
            written as it is, indentation and all.
        secrets: Paths of values that are encrypted before anything is written: `smtp.password`.
    """
    context = session.context
    refuse_secret(context.secrets, "category", category)
    refuse_secret(context.secrets, "name", name)

    def check(text: str) -> None:
        if isinstance(context.secrets.marked(text), Secret):
            raise ActionError(
                "the content holds a secret, which would stand in the file in the clear",
                hint="say which value it is, and it is encrypted: secrets:'password'",
            )

    before: str | None = None
    if context.hero_config_exists(category, name):
        try:
            before = context.hero_config_get(category, name)
        except (HeroConfigNotFoundError, CorruptConfigError):
            before = None  # deleted meanwhile, or damaged: it is written anew
    path = context.hero_config_set(
        category,
        name,
        content,
        expand="shell" if expand else False,
        secrets=secrets or (),
        check=check,
    )
    after = context.hero_config_get(category, name)
    return str(path) if before == after else Changed(str(path))


@mark("config.get", harmless=True)
def get(session: Session, *, category: str, name: str) -> str:
    """The text of a config file, sealed values sealed; an error when there is none.

    Args:
        category: Which kind of file.
        name: Its name.
    """
    return session.context.hero_config_get(category, name)


@mark("config.list", harmless=True)
def list_(session: Session, *, category: str | None = None) -> str:
    """The config files, one a line: category and name.

    Args:
        category: Only those of one kind.
    """
    found = session.context.config_files().list(category)
    return "\n".join(f"{one} {name}" for one, name in found)


@mark("config.seal")
def seal(session: Session, *, category: str, name: str, paths: list[str]) -> Changed | Skipped:
    """Encrypt values in a config file, and leave all else in it as it is.

    Args:
        category: Which kind of file.
        name: Its name.
        paths: Where the values are, keys with dots between them: `smtp.password`.
    """
    count = session.context.config_files().seal(category, name, *paths)
    if count:
        return Changed(f"{count} value{'' if count == 1 else 's'} of {category} {name}")
    return Skipped("they are sealed")


@mark("config.delete")
def delete(session: Session, *, category: str, name: str) -> Changed | Skipped:
    """Delete a config file.

    Args:
        category: Which kind of file.
        name: Its name.
    """
    if session.context.hero_config_delete(category, name):
        return Changed(f"{category} {name}")
    return Skipped("there is no such file")
