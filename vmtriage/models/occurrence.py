"""One crash of one host as a fleet keeps it: what problems, pages and tickets are made of."""

from datetime import UTC, datetime, timedelta
from typing import Literal

from pydantic import Field

from vmtriage.models.base import Model
from vmtriage.models.evidence import Confidence
from vmtriage.models.finding import CrashClass, Severity
from vmtriage.models.report import CulpritKind

# A clock that says otherwise is wrong: no kernel before 2.6.13 left a dump, and none is found
# before it was written, but for names that tell the time of another zone.
_FIRST_KDUMP = datetime(2005, 8, 1, tzinfo=UTC)
_ZONES = timedelta(hours=14)

# log: the kernel log alone was read, seconds after the dump was found; full: crash has run
Stage = Literal["log", "full"]


class Blamed(Model):
    """Who brought it about, of the report's culprit: what is comparable between hosts."""

    kind: CulpritKind
    name: str  # of a process the program alone: PIDs differ between hosts
    application: str | None = None  # YARN application, Slurm job ...
    runtime: str | None = None
    container_id: str | None = None
    pod: str | None = None
    owner_hint: str | None = None
    path: str | None = None
    comms: tuple[str, ...] = ()  # its programs, at most three
    confidence: Confidence
    reason: str = ""


class KnownBug(Model):
    """A signature that fits, and what it means for this kernel."""

    id: str
    title: str
    generic: bool = False
    kernel: Literal["affected", "fixed", "unknown"]
    fixed_in: str | None = None


class Occurrence(Model):
    """One crash. `dump` is Identity.id, `problem` the stable id of the problem it belongs to."""

    dump: str
    problem: str
    stage: Stage
    host: str
    crash_time: datetime | None = None  # UTC; None: neither dump nor name tells
    first_seen: datetime  # when the scan found it
    share: str
    place: str
    release: str | None = None
    distro: str | None = None
    hardware: str | None = None  # "Dell Inc. PowerEdge R740/0WRPXK", of the log
    firmware: str | None = None  # "2.10.2 02/24/2021"
    crash_class: CrashClass = Field(alias="class")
    title: str  # short, without anything of this host: "hard lockup in unthrottle_cfs_rq"
    summary: str  # the verdict's sentence
    severity: Severity
    confidence: Confidence
    function: str | None = None
    module: str | None = None
    alternatives: tuple[str, ...] = ()
    frames: tuple[str, ...] = ()  # the significant functions, innermost first, at most 16
    algorithm: str  # of the fingerprint
    fingerprint: str  # its `exact`
    fingerprint_problem: str  # its `problem`
    scope: str = ""  # keeps it apart from others of the same fingerprint: problems/scope.py
    taint: tuple[str, ...] = ()
    culprit: Blamed | None = None
    known: tuple[KnownBug, ...] = ()  # specific ones first
    tool_version: str
    signatures_revision: str

    @property
    def when(self) -> datetime:
        """When it crashed, in UTC; when it was found where nothing tells, or no sane clock."""
        found = _utc(self.first_seen)
        if self.crash_time is None:
            return found
        crashed = _utc(self.crash_time)
        return crashed if _FIRST_KDUMP <= crashed <= found + _ZONES else found

    @property
    def dated(self) -> bool:
        """Whether `when` is the time of the crash."""
        return self.crash_time is not None and self.when == _utc(self.crash_time)


def _utc(when: datetime) -> datetime:
    return when.replace(tzinfo=UTC) if when.tzinfo is None else when.astimezone(UTC)
