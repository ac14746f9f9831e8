"""Which run is to be gone on with: the last one of a playbook that did not finish."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hero_kernel.report import Report, State


def unfinished(reports: Iterable[Report], digests: Iterable[str]) -> Report | None:
    """The last run of a playbook that did not finish; None when a later one did its work.

    A later run did its work when it finished, without passing actions over, and has done what
    that one had done; or when it went on with it. The playbook may have changed since, and
    another one may share actions with it: of the runs that may be its, back to the last one that
    surely is, the one that has done most of it.

    Args:
        reports: The session's runs, the newest first; read no further than needed.
        digests: Of the playbook's actions.
    """
    wanted = Counter(digests)
    finished: list[Counter[str]] = []
    gone_on_with: set[str] = set()
    found: Report | None = None
    most = -1
    for report in reports:
        done, left = done_before(report), _in_state(report, "left")
        if wanted.keys().isdisjoint(done.keys() | left.keys() | _in_state(report, "").keys()):
            continue
        if report.after:
            gone_on_with.add(report.after)
        if report.ok:
            if not _in_state(report, "passed"):
                finished.append(done)
            continue
        shared = done & wanted
        if report.run in gone_on_with or any(shared <= later for later in finished):
            continue
        if shared.total() > most:
            found, most = report, shared.total()
        if done <= wanted and not (left and wanted.keys().isdisjoint(left)):
            break
    return found


def done_before(report: Report) -> Counter[str]:
    """What is done after a run, by digest: in it, and before it where it went on with another."""
    return _in_state(report, "done") + Counter(report.digests)


def _in_state(report: Report, state: State) -> Counter[str]:
    written = (result.written for result in report)
    return Counter(one.digest for one in written if one is not None and one.state == state)
