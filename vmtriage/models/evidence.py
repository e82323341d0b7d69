"""Evidence, problems, and the record of what was run: what makes a statement checkable."""

from enum import StrEnum
from typing import Literal

from vmtriage.models.backtrace import Backtraces
from vmtriage.models.base import Model
from vmtriage.models.klog import KernelLog
from vmtriage.models.memory import MemoryInfo, SlabCaches, VmStat
from vmtriage.models.module import ModuleTaints
from vmtriage.models.runqueue import ClockStamps, GroupRunQueues, RunQueues
from vmtriage.models.system import SystemInfo
from vmtriage.models.task import Tasks, TasksLastRun

Confidence = Literal["high", "medium", "low"]


class Evidence(Model):
    """One line of a command's output and what it says. Lines count from 1; 0: all of it."""

    command: str
    line: int
    text: str
    says: str


class Part(StrEnum):
    """Parts of a report that a problem can make unsafe."""

    SYSTEM = "system"
    PANIC_TASK = "panic_task"
    FUNCTION = "function"
    BACKTRACES = "backtraces"
    RUN_QUEUES = "run_queues"
    THROTTLED = "throttled"
    CLOCK_LAG = "clock_lag"
    MODULES = "modules"
    MEMORY = "memory"
    SLABS = "slabs"
    TASKS = "tasks"
    INCIDENTS = "incidents"
    SIGNATURES = "signatures"
    CULPRIT = "culprit"
    VERDICT = "verdict"


class Problem(Model):
    """Something that went wrong or cannot be trusted. `unsafe` names the parts it spoils."""

    command: str | None = None
    kind: str  # "tasks_lost", "bogus_frame", "page_excluded", "timeout", "mismatch" ...
    message: str
    unsafe: tuple[Part, ...] = ()


class CommandStatus(StrEnum):
    """How a crash command ended."""

    OK = "ok"
    ERRORS = "errors"  # output with error lines in it
    FAILED = "failed"  # nothing of use came
    TIMEOUT = "timeout"
    NOT_RUN = "not_run"


class CommandRun(Model):
    """One command as it went: `bytes` is the size of its output."""

    command: str
    status: CommandStatus
    seconds: float
    bytes: int
    reason: str = ""  # why it failed or was not run


class Facts(Model):
    """Everything read from the dump. None: not read, and `problems` or `runs` says why."""

    system: SystemInfo | None = None
    panic_stack: Backtraces | None = None  # bt
    cpu_stacks: Backtraces | None = None  # bt -a
    group_run_queues: GroupRunQueues | None = None  # runq -g
    run_queues: RunQueues | None = None  # runq
    clocks: ClockStamps | None = None  # runq -t
    memory: MemoryInfo | None = None  # kmem -i
    slabs: SlabCaches | None = None  # kmem -s
    vm_stat: VmStat | None = None  # kmem -V
    log: KernelLog | None = None
    tasks: Tasks | None = None  # ps
    last_run: TasksLastRun | None = None  # ps -m
    modules: ModuleTaints | None = None  # mod -t
    runs: tuple[CommandRun, ...] = ()
    problems: tuple[Problem, ...] = ()
    tasks_lost: bool = False  # crash could not see sleeping tasks: an empty list proves nothing
