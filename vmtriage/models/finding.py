"""What the analysis concludes from the facts, before anybody is named."""

from enum import StrEnum
from typing import Literal

from vmtriage.models.base import Address, Model
from vmtriage.models.container import Container as Container
from vmtriage.models.details import FaultReport, LeakReport, MceReport, OomReport
from vmtriage.models.evidence import Confidence, Evidence


class CrashClass(StrEnum):
    """What kind of crash it was: the contract's closed list."""

    HARD_LOCKUP = "hard_lockup"
    SOFT_LOCKUP = "soft_lockup"
    RCU_STALL = "rcu_stall"
    HUNG_TASK = "hung_task"
    NULL_POINTER = "null_pointer"
    PAGE_FAULT = "page_fault"
    GENERAL_PROTECTION = "general_protection"
    BUG = "bug"
    WARNING = "warning"
    DIVIDE_ERROR = "divide_error"
    DOUBLE_FAULT = "double_fault"
    STACK_OVERFLOW = "stack_overflow"
    OOM = "oom"
    MEMORY_LEAK = "memory_leak"
    SLAB_CORRUPTION = "slab_corruption"
    LIST_CORRUPTION = "list_corruption"
    BAD_PAGE = "bad_page"
    REFCOUNT = "refcount"
    SPINLOCK = "spinlock"
    ATOMIC_SLEEP = "atomic_sleep"
    LOCKDEP = "lockdep"
    KASAN = "kasan"
    KMSAN = "kmsan"
    KCSAN = "kcsan"
    KFENCE = "kfence"
    UBSAN = "ubsan"
    MCE = "mce"
    NMI = "nmi"
    IO_ERROR = "io_error"
    WATCHDOG = "watchdog"
    INIT_KILLED = "init_killed"
    NO_ROOT = "no_root"
    SYSRQ = "sysrq"
    PANIC = "panic"
    UNKNOWN = "unknown"


Severity = Literal["panic", "serious", "notable", "noise"]


class Incident(Model):
    """One event in the kernel log. Line numbers count the log command's output from 1."""

    format: str = "log"  # which message form it was: a name of analysis/klog/formats
    crash_class: CrashClass
    title: str
    function: str | None = None
    module: str | None = None  # of the function
    alternatives: tuple[str, ...] = ()
    path: tuple[str, ...] = ()  # function and its callers, the significant ones
    trace: tuple[str, ...] = ()  # functions of its call trace, innermost first
    cpu: int | None = None
    pid: int | None = None
    comm: str | None = None
    where: str | None = None  # file:line, as the message names it
    device: str | None = None
    severity: Severity
    corrupted: bool = False
    corrupted_reason: str | None = None
    first_line: int
    last_line: int
    time_s: float | None = None
    oom: OomReport | None = None  # each only for its own class
    leak: LeakReport | None = None
    mce: MceReport | None = None
    fault: FaultReport | None = None


class Throttled(Model):
    """A cgroup whose CFS (or RT) bandwidth was used up, and the CPUs where it was so."""

    path: str
    name: str
    kind: Literal["cfs", "rt"] = "cfs"
    cpus: tuple[int, ...]
    cpus_seen: int  # CPUs `runq -g` showed: "throttled on n of m"
    tasks: int | None  # tasks queued under it on those CPUs; None: crash could not see them
    comms: tuple[str, ...] = ()  # their names, most frequent first
    container: Container | None = None
    evidence: tuple[Evidence, ...] = ()


class ClockLag(Model):
    """How far one CPU's run queue clock is behind the newest one: a CPU that no longer ticks."""

    cpu: int
    clock_ns: int
    behind_s: float


class GuiltyFunction(Model):
    """The function to blame, with other names the same fault may carry."""

    name: str
    module: str | None = None
    alternatives: tuple[str, ...] = ()
    path: tuple[str, ...] = ()  # it and its callers, the significant ones
    evidence: tuple[Evidence, ...] = ()


class Classification(Model):
    """The crash class and why. `severity` of the crash as a whole."""

    crash_class: CrashClass
    title: str  # "hard LOCKUP in unthrottle_cfs_rq"
    severity: Severity
    confidence: Confidence
    deliberate: bool = False  # somebody asked for this dump (sysrq, injected NMI)
    evidence: tuple[Evidence, ...] = ()


class Fingerprint(Model):
    """The same for the same bug, whatever host, CPU, PID, address or build.

    problem: class and function. exact: the callers too. The rest stands beside, never inside.
    """

    algorithm: str
    exact: str
    problem: str
    parts: tuple[str, ...] = ()  # what `exact` was made of, for whoever doubts it
    release: str | None = None
    taint: tuple[str, ...] = ()
    livepatched: bool = False


class PanicTask(Model):
    """The task the machine died in. cgroup None: not known; see problems."""

    pid: int
    comm: str
    cpu: int | None
    task: Address
    state: str | None = None
    cgroup: str | None = None
    container: Container | None = None
    hostname: str | None = None  # of its UTS namespace, where that is not the host's
