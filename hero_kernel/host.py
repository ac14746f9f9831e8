"""Host: what contexts and sessions stand on, so that a lower room need not know the upper ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from pathlib import Path

    from hero_kernel.bundles import Exported
    from hero_kernel.cells import Cells
    from hero_kernel.contexts import Context
    from hero_kernel.redaction import Redactor
    from hero_kernel.report import Report
    from hero_kernel.secrets import Secrets
    from hero_kernel.sessions import Session
    from hero_kernel.sources import SourceText
    from hero_kernel.stores.base import Store
    from hero_kernel.times import OurTime


class Host(Protocol):
    """What contexts and sessions stand on, and what they hand upward; a `Workspace` is one."""

    @property
    def store(self) -> Store:
        """Where records are kept."""

    @property
    def home(self) -> Path:
        """Where files are kept."""

    @property
    def coderoot(self) -> Path:
        """Where code is checked out when a context names no place."""

    @property
    def cells(self) -> Cells:
        """Which cell of a notebook runs."""

    def now(self) -> OurTime:
        """The time, to the second."""

    def session_new(self, *args: Any, **options: Any) -> Session:
        """Create or resume a session."""

    def session_get(self, name: str = "", *, context: Context) -> Session:
        """The session of that name, or the latest."""

    def sessions_list(self, *, context: Context) -> list[Session]:
        """The context's sessions."""

    def session_exists(self, name: str, *, context: Context) -> bool:
        """Whether there is a session of that name."""

    def session_delete(self, name: str, *, context: Context, files: bool, db: bool) -> None:
        """Delete a session."""

    def session_fork(self, session: Session, name: str = "") -> Session:
        """Copy a session."""

    def session_export(
        self, session: Session, path: str | Path, *, log: bool = False, runs: bool = False
    ) -> Exported:
        """Write a session into a file."""

    def secrets(self, context: Context) -> Secrets:
        """The context's secret, and what it protects."""

    @property
    def redactor(self) -> Redactor:
        """What masks secrets in everything that is shown or written."""

    def fetch(self, url: str, *args: Any, **options: Any) -> tuple[SourceText, ...]:
        """The scripts at a git address."""

    def run(self, *args: Any, **options: Any) -> Report:
        """Carry a playbook out in a session."""

    def retry(self, *args: Any, **options: Any) -> Report:
        """Carry out again what the last run in a session left."""
