"""What pages need beside occurrences and problems."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from vmtriage.models.occurrence import Occurrence, Stage

# writing: it still grows; due: found, its turn comes; retry: failed for a reason that may pass;
# quarantined: failed for one that will not
Waits = Literal["writing", "due", "retry", "quarantined"]


@dataclass(frozen=True)
class Unread:
    """Something on a share of which there is no report, or no full one, and why."""

    waits: Waits
    share: str
    place: str
    reason: str
    since: datetime
    dump: str | None = None  # None: not identified yet
    host: str | None = None
    next_try: datetime | None = None
    tries: int = 0


@dataclass(frozen=True)
class Try:
    """One line of the ledger. outcome None: it runs, or was killed."""

    stage: Stage
    began: datetime
    seconds: float | None
    outcome: Literal["ok", "retry", "failed"] | None
    reason: str = ""
    worker: str = ""


@dataclass(frozen=True)
class Kept:
    """All that is known of one dump."""

    dump: str
    occurrence: Occurrence | None
    tries: tuple[Try, ...] = ()
    unread: Unread | None = None
    reports: tuple[str, ...] = ()  # which of report.html, report.md, report.json stand beside
