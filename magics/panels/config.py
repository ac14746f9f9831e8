"""The panel of a context's config files: each as text, with a mask for every encrypted value."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hero_kernel import times
from hero_kernel.errors import ChangedError, CorruptConfigError, UsageError
from hero_kernel.heroscript.source import Place
from magics.display import Table
from magics.panels.given import same, text, version
from magics.panels.masks import Masked, masked, unmasked
from magics.panels.steps import Steps
from magics.panels.view import Followed, magic

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from hero_kernel import Context, Session
    from magics.doorway import Door

    Json = dict[str, Any]

LONGEST = 256 * 1024
"""Characters of a file that are sent to a page."""

MOST_PATHS = 200
"""Values of a file that are offered to be encrypted."""

STILL = 40
"""Rows that stay in a saved notebook."""


class View(Followed):
    """Config files, by category; a text is written as it is typed, nothing in it expanded."""

    kind = "config"

    def __init__(self, door: Door, session: Session | None = None) -> None:
        super().__init__(door, session)
        self._steps = Steps()

    def context(self) -> Context:
        """The context that is shown: that of the session."""
        return self.session().context

    @property
    def title(self) -> str:
        """The context's name."""
        return f"config files of context {self.context().guid}"

    def mark(self) -> object:
        """Size and time of every file."""
        context = self.context()
        return context.guid, context.config_files().listing(), self._steps.mark()

    def state(self) -> Json:
        """The files, without what is in them."""
        context = self.context()
        return {
            "of": context.guid,
            "files": [
                {
                    "category": one.category,
                    "name": one.name,
                    "size": one.size,
                    "when": str(times.OurTime(one.changed_ns // 10**9)),
                    "changed": str(one.changed_ns),
                }
                for one in context.config_files().listing()
            ],
            "undo": self._steps.told(context.guid),
        }

    def still(self) -> Sequence[Table]:
        """The files."""
        rows = tuple(
            (one["category"], one["name"], str(one["size"]), one["when"])
            for one in self.state()["files"]
        )
        note = "" if rows else "there is none yet"
        columns = ("category", "name", "bytes", "when (UTC)")
        return [Table(columns, rows, title=self.title, note=note, limit=STILL)]

    @property
    def asks(self) -> Mapping[str, Callable[..., Any]]:
        """Open a file, save, delete, undo, and the magic that encrypts a value in it."""
        return {
            "open": self._open,
            "save": self._save,
            "delete": self._delete,
            "undo": self._undo,
            "seal": self._seal,
        }

    def _at(self, of: Any) -> Context:
        context = self.context()
        same(of, context.guid)
        return context

    def _masked(self, context: Context, category: str, name: str) -> Masked:
        raw = context.hero_config_get(category, name)
        if len(raw) > LONGEST:
            path = context.config_files().path(category, name)
            raise UsageError(f"{path} has {len(raw)} characters", hint="open it in an editor")
        return masked(raw, f"{category} {name}", self.door.workspace.redactor.mask)

    def _open(self, *, of: Any, category: Any, name: Any) -> Json:
        context = self._at(of)
        category, name = _names(category, name)
        seen = self._masked(context, category, name)
        return {
            "text": seen.text,
            "version": version(seen.raw),
            "sealed": list(seen.sealed),
            "clear": list(seen.clear[:MOST_PATHS]),
            "bare": list(seen.bare[:MOST_PATHS]),
            "fault": _fault(seen.fault),
            "why": seen.why,
            "hint": seen.hint,
        }

    def _save(
        self, *, of: Any, category: Any, name: Any, value: Any, was: Any, plain: Any = False
    ) -> Json:
        """Write a file; `{"fault": …}` when it is not YAML, and was not said to be `plain` text."""
        context = self._at(of)
        category, name = _names(category, name)
        new = text(value, "the text")
        old = self._masked_as(context, category, name, was)
        base = old or Masked("", "", {})
        try:
            new = unmasked(base, new, f"{category} {name}")
        except CorruptConfigError as error:
            if base.sealed or plain is not True:
                return {"fault": _fault(error), "may_be_plain": not base.sealed}
        raw = None if old is None else old.raw
        _write(context, category, name, new, raw)
        kid = _kid(context, base)

        def back() -> None:
            if raw is None:
                _remove(context, category, name, new)
            else:
                _check_kid(context, base, kid)
                _write(context, category, name, raw, new)

        what = f"{'making' if old is None else 'the change of'} {category} {name}"
        self._steps.add(context.guid, what, "the file stays as it is", back)
        after = masked(new, f"{category} {name}", str)
        return {"gone": [path for path in base.sealed if path not in after.sealed]}

    def _delete(self, *, of: Any, category: Any, name: Any, was: Any) -> None:
        context = self._at(of)
        category, name = _names(category, name)
        raw = context.hero_config_get(category, name)
        if version(raw) != was:
            raise _meanwhile(category, name)
        old = masked(raw, f"{category} {name}", str)
        kid = _kid(context, old)
        _remove(context, category, name, raw)

        def back() -> None:
            _check_kid(context, old, kid)
            _write(context, category, name, raw, None)

        what = f"the deletion of {category} {name}"
        self._steps.add(context.guid, what, "the file stays as it is", back)

    def _undo(self, *, of: Any, number: Any) -> str:
        return self._steps.undo(number, self._at(of).guid)

    def _seal(self, *, of: Any, category: Any, name: Any, path: Any) -> str:
        context = self._at(of)
        category, name = _names(category, name)
        here = self.door.workspace.selected_session
        if here is None or here.context != context:
            raise UsageError(
                "the notebook is in another context",
                hint=f"run {magic('hero_context', context.name)}, then try again",
            )
        seen = self._masked(context, category, name)
        if text(path, "the path") not in seen.clear:
            raise UsageError(f"there is no value {path!r} to encrypt in {category} {name}")
        return magic("hero_config", "seal", category, name, path)

    def _masked_as(self, context: Context, category: str, name: str, was: Any) -> Masked | None:
        """What is there, which is what the front end saw; None when nothing was to be there."""
        if was is None:
            return None
        old = self._masked(context, category, name)
        if version(old.raw) != was:
            raise _meanwhile(category, name)
        if old.why:
            raise UsageError(f"{category} {name} is not edited here: {old.why}", hint=old.hint)
        return old


def _names(category: Any, name: Any) -> tuple[str, str]:
    return text(category, "the category"), text(name, "the name")


def _meanwhile(category: str, name: str) -> ChangedError:
    return ChangedError(
        f"{category} {name} was changed meanwhile", hint="look at what is there now, and try again"
    )


def _fault(error: CorruptConfigError | None) -> Json | None:
    if error is None:
        return None
    at = error.place if isinstance(error.place, Place) else Place("", 1, 1)
    return {"line": at.line, "column": at.column, "message": error.message, "hint": error.hint}


def _kid(context: Context, of: Masked) -> str:
    """The key in use, if a text has to do with it."""
    return context.secrets.info.kid if of.has_sealed and context.secrets.is_set else ""


def _check_kid(context: Context, of: Masked, kid: str) -> None:
    """Refuse to write back what was encrypted with a key that may be gone."""
    if _kid(context, of) != kid:
        raise ChangedError(
            "its values were encrypted with another key, and would not open any more"
        )


def _write(context: Context, category: str, name: str, new: str, was: str | None) -> None:
    context.hero_config_set(category, name, new, expand=False, was=was)


def _remove(context: Context, category: str, name: str, was: str) -> None:
    if not context.hero_config_delete(category, name, was=was):
        raise ChangedError(
            f"{category} {name} was deleted meanwhile", hint="there is nothing left to delete"
        )
