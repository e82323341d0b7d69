"""What `vmtriage log` says about one kernel log."""

from pydantic import Field

from vmtriage.models.base import Model
from vmtriage.models.details import LeakGroup
from vmtriage.models.evidence import Problem
from vmtriage.models.finding import Fingerprint, Incident
from vmtriage.models.report import RawOutput, ReportIncident, ToolInfo
from vmtriage.models.signature import SignatureMatch

LOG_SCHEMA = "vmtriage/log/1"


class LogIncident(ReportIncident):
    """One incident, or several alike. Lines count from 1 in the file."""

    text: str  # the first line, as the kernel printed it
    count: int = 1  # how many alike were seen, this one included
    last_seen: int  # the line the last of them began at
    boot: int = 0  # which boot of the log, from 0
    release: str | None = None  # of the kernel that printed it
    fingerprint: Fingerprint
    signatures: tuple[str, ...] = ()  # ids, best first

    @classmethod
    def of_log(
        cls, incident: Incident, text: str, boot: int, release: str | None, print_: Fingerprint
    ) -> "LogIncident":
        """The incident as found in a log."""
        own = incident.model_dump(exclude={"trace", "path"})
        return cls.model_validate(
            own | {"text": text, "last_seen": incident.first_line, "boot": boot,
                   "release": release, "fingerprint": print_}
        )  # fmt: skip


class Boot(Model):
    """One run of a kernel in the log. line: where its banner stands; 0: the log began before it."""

    line: int = 0
    release: str | None = None
    version: str | None = None


class LogReport(Model):
    """Everything about one log. `primary` is null when nothing worth a report was found."""

    schema_: str = Field(default=LOG_SCHEMA, alias="schema")
    tool: ToolInfo
    file: str
    size: int  # bytes
    lines: int
    boots: tuple[Boot, ...]
    incidents: tuple[LogIncident, ...]
    left_out: int = 0  # incidents beyond the limit, counted only
    primary: LogIncident | None
    signatures: tuple[SignatureMatch, ...] = ()  # of the primary incident, best first
    leaks: tuple[LeakGroup, ...] = ()  # kmemleak's objects by allocation stack, most bytes first
    problems: tuple[Problem, ...] = ()
    raw: tuple[RawOutput, ...] = ()  # the primary incident's own lines
    seconds: float
