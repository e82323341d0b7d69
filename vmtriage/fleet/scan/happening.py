"""What a scan tells while it runs: one model for the terminal, cron's line and the log."""

from datetime import datetime
from typing import Literal, Protocol

from vmtriage.fleet.scan.summary import Summary
from vmtriage.models.base import Model
from vmtriage.models.occurrence import Stage

# looked: a share was read. decided: what to do with one crash. started, ended: an analysis.
# trouble: a share, a directory, a notifier failed. published: the site is up to date.
Kind = Literal[
    "looked", "decided", "stage", "started", "ended", "trouble", "published", "summary"
]  # fmt: skip


class Happening(Model):
    """One line of the log. What does not apply is None and left out there."""

    kind: Kind
    time: datetime
    share: str | None = None
    place: str | None = None
    dump: str | None = None
    host: str | None = None
    stage: Stage | Literal["identify", "retriage"] | None = None
    outcome: str | None = None  # of ended: ok, lacking, retry, quarantine, stopped; of decided: why
    action: str | None = None
    seconds: float | None = None
    count: int | None = None
    problem: str | None = None
    reason: str | None = None
    next_try: datetime | None = None


class Watcher(Protocol):
    """Is told all of it, from the scan's own thread."""

    def tell(self, happening: Happening) -> None:
        """Must not raise."""
        ...


def summed_up(summary: Summary, now: datetime) -> Happening:
    """The last line."""
    return Happening(
        kind="summary", time=now, count=summary.crashes, reason=summary.line(),
        outcome="ok" if summary.exit_code == 0 else "failed",
    )  # fmt: skip
