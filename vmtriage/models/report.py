"""The report: report.json's names are a promise to ticket scripts and cron."""

from datetime import datetime
from typing import Literal

from pydantic import Field

from vmtriage.models.answers import Inquiry
from vmtriage.models.backtrace import Backtrace
from vmtriage.models.base import Model
from vmtriage.models.conditions import Rung, SandboxKind
from vmtriage.models.details import FaultReport, LeakReport, MceReport, OomReport
from vmtriage.models.dump import Debuginfo, DumpInfo
from vmtriage.models.evidence import CommandRun, Confidence, Evidence, Problem
from vmtriage.models.fault_site import FaultSite
from vmtriage.models.finding import (
    ClockLag,
    CrashClass,
    Fingerprint,
    Incident,
    PanicTask,
    Severity,
    Throttled,
)
from vmtriage.models.lockup import BlockedReader, CpuGroup, GroupBandwidth, Spinner, StuckCpu
from vmtriage.models.memory import MemoryInfo, SlabCache
from vmtriage.models.module import ModuleTaint
from vmtriage.models.runqueue import GroupRunQueue
from vmtriage.models.signature import SignatureMatch
from vmtriage.models.slab_users import SlabUsers
from vmtriage.models.trigger import Trigger
from vmtriage.models.waits import Blocked, Waits
from vmtriage.models.who import TaskIdentity

SCHEMA = "vmtriage/report/1"


class ToolInfo(Model):
    """What made the report."""

    version: str
    crash_version: str | None = None
    signatures_revision: str


class ConfinedTool(ToolInfo):
    """And how crash was confined. sandbox None: it was not run, or the recording is old."""

    sandbox: SandboxKind | None = None
    sandbox_reason: str = ""  # why not bubblewrap


class SystemFacts(Model):
    """The machine. uptime in seconds, memory in bytes, date as crash printed it.

    hardware, firmware: by the kernel log; None also where the log's begin was overwritten.
    """

    nodename: str | None = None
    release: str | None = None
    version: str | None = None
    machine: str | None = None
    hardware: str | None = None  # make and model: "Dell Inc. PowerEdge R740/0WRPXK"
    firmware: str | None = None  # its version: "2.10.2 02/24/2021"
    cpus: int | None = None
    memory: int | None = None
    date: str | None = None
    uptime_s: int | None = None
    load_average: tuple[float, float, float] | None = None
    tasks: int | None = None
    panic: str | None = None
    distro: str | None = None
    taint: tuple[str, ...] | None = None  # letters; () means looked, none


class Verdict(Model):
    """The answer. `summary` is one sentence to paste into a ticket."""

    summary: str
    crash_class: CrashClass = Field(alias="class")
    severity: Severity
    confidence: Confidence
    evidence: tuple[Evidence, ...] = ()
    refuted_by: str = ""
    next_steps: tuple[str, ...] = ()


CulpritKind = Literal["container", "cgroup", "process", "module", "device", "hardware", "kernel"]


HIGH, MEDIUM = 0.8, 0.5


def in_words(score: float) -> Confidence:
    """A score of 0 to 1 as the word that stands in reports."""
    return "high" if score >= HIGH else "medium" if score >= MEDIUM else "low"


class Culprit(Model):
    """Who brought it about. `confidence` is `score` in words."""

    kind: CulpritKind
    name: str
    path: str | None = None
    runtime: str | None = None
    container_id: str | None = None
    pod: str | None = None
    application: str | None = None
    attempt: str | None = None
    owner_hint: str | None = None
    pid: int | None = None  # the task to look at: the process, or the biggest one of the group
    comms: tuple[str, ...] = ()
    cpus: tuple[int, ...] = ()
    score: float = Field(ge=0, le=1)  # how much the rule that names it is worth here
    confidence: Confidence = Field(default_factory=lambda fields: in_words(fields["score"]))
    contested: bool = False  # somebody else is as likely, or nearly: see candidates
    reason: str
    refuted_by: str = ""
    evidence: tuple[Evidence, ...] = ()

    def scored(self, score: float) -> "Culprit":
        """The same, more or less sure."""
        score = round(score, 2)
        return self.model_copy(update={"score": score, "confidence": in_words(score)})


CLOSE = 0.1


def close(first: Culprit, other: Culprit) -> bool:
    """Whether the other comes so near to the first that he may be the one."""
    return round(first.score - other.score, 2) < CLOSE


class ReportIncident(Model):
    """An incident of the log under the contract's names."""

    format: str = "log"
    crash_class: CrashClass = Field(alias="class")
    title: str
    function: str | None = None
    module: str | None = None
    alternatives: tuple[str, ...] = ()
    cpu: int | None = None
    pid: int | None = None
    comm: str | None = None
    where: str | None = None
    device: str | None = None
    severity: Severity
    corrupted: bool = False
    corrupted_reason: str | None = None
    first_line: int
    last_line: int
    time_s: float | None = None
    oom: OomReport | None = None
    leak: LeakReport | None = None
    mce: MceReport | None = None
    fault: FaultReport | None = None

    @classmethod
    def of(cls, incident: Incident) -> "ReportIncident":
        """The same incident, under the names of report.json."""
        return cls.model_validate(incident.model_dump(exclude={"trace", "path"}))


class Timing(Model):
    """Where the time went, in seconds. None: that stage did not take place."""

    total_s: float
    namelist_s: float | None = None
    crash_start_s: float | None = None
    commands_s: float | None = None
    analysis_s: float | None = None
    render_s: float | None = None


class RawOutput(Model):
    """What crash printed, word for word (cut at `text`'s end if `cut` bytes were left out)."""

    command: str
    text: str
    cut: int = 0


class Report(Model):
    """Everything vmtriage has to say about one crash. See the report contract in README."""

    schema_: str = Field(default=SCHEMA, alias="schema")
    tool: ConfinedTool
    dump: DumpInfo
    rung: Rung | None = None  # how far it could be opened; None: a log, or an old recording
    debuginfo: Debuginfo | None = None
    system: SystemFacts | None
    verdict: Verdict
    trigger: Trigger | None = None  # who asked for the dump
    panic_task: PanicTask | None
    function: str | None
    module: str | None = None
    alternatives: tuple[str, ...] = ()
    function_evidence: tuple[Evidence, ...] = ()
    backtraces: tuple[Backtrace, ...] | None
    run_queues: tuple[GroupRunQueue, ...] | None
    throttled: tuple[Throttled, ...] | None
    clock_lag: tuple[ClockLag, ...] | None
    memory: MemoryInfo | None
    top_slabs: tuple[SlabCache, ...] | None = None
    modules: tuple[ModuleTaint, ...] | None = None
    incidents: tuple[ReportIncident, ...] | None
    signatures: tuple[SignatureMatch, ...]
    culprit: Culprit | None
    candidates: tuple[Culprit, ...] = ()  # others considered, best first
    fingerprint: Fingerprint | None
    blocked: Blocked | None = None  # tasks in D state, merged by their stacks
    waits: Waits | None = None  # what they wait for, up to who holds it
    who: tuple[TaskIdentity, ...] | None = None  # the tasks that matter, identified
    fault_site: FaultSite | None = None  # the instruction that crashed
    bandwidth: tuple[GroupBandwidth, ...] | None = None  # CPU quotas that are used up
    stuck: tuple[StuckCpu, ...] | None = None  # CPUs without progress
    cpu_groups: tuple[CpuGroup, ...] | None = None  # what all CPUs did
    spinning: tuple[Spinner, ...] | None = None  # CPUs that spin on a lock
    blocked_readers: tuple[BlockedReader, ...] | None = None  # tasks that hold a grace period
    slab_users: SlabUsers | None = None  # who allocated from the largest slab cache
    inquiries: tuple[Inquiry, ...] = ()  # the further questions of the class's plan
    problems: tuple[Problem, ...]
    commands: tuple[CommandRun, ...]
    timing: Timing
    raw: tuple[RawOutput, ...] = ()
    created: datetime
