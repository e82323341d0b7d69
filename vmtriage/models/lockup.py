"""A CPU that is stuck: what holds it, who spins on what, whose CPU quota was being handed out."""

from typing import Literal

from vmtriage.models.base import Address, Model
from vmtriage.models.container import Container
from vmtriage.models.evidence import Evidence

CpuState = Literal["idle", "user", "spins", "waits_for_cpus", "runs"]
EntryKind = Literal[
    "hrtimer", "timer", "softirq", "interrupt", "exception", "syscall", "work", "kthread", "idle"
]


class Entry(Model):
    """How control came to the code a CPU is in: the timer, softirq, system call behind it."""

    kind: EntryKind
    name: str | None = None  # sched_cfs_period_timer, net_rx_action, write ...


class CpuGroup(Model):
    """CPUs that do the same. function: where they are; waiting_in: who wanted the lock."""

    state: CpuState
    function: str | None = None
    waiting_in: str | None = None
    entry: Entry | None = None
    cpus: tuple[int, ...]


class StuckCpu(Model):
    """A CPU that made no progress. task None: it idled, or is not known."""

    cpu: int
    task: Address | None = None
    pid: int | None = None
    comm: str | None = None
    state: CpuState | None = None  # None: its stack could not be read
    function: str | None = None
    entry: Entry | None = None
    interrupted: bool = False  # the task only happened to be there when the interrupt came
    evidence: tuple[Evidence, ...] = ()


class BlockedReader(Model):
    """A task that the log names as holding an RCU grace period: preempted inside a reader."""

    pid: int
    comm: str | None = None
    task: Address | None = None
    evidence: tuple[Evidence, ...] = ()


class Spinner(Model):
    """A CPU that spins until somebody else lets go.

    validated: the word in memory says the lock is taken. holder_cpu: who has it, "" in `why`
    where nobody can be named; proven: the lock itself says so, else it is what is left.
    """

    cpu: int
    pid: int | None
    comm: str | None
    task: Address | None
    function: str
    waiting_in: str | None = None
    lock: Address | None = None
    lock_name: str | None = None  # "run queue lock of CPU 2", "crashlab_spinlock [crashlab]"
    lock_value: Address | None = None
    validated: bool = False
    holder_cpu: int | None = None
    proven: bool = False
    why: str = ""
    evidence: tuple[Evidence, ...] = ()


class CpuBandwidth(Model):
    """A group's own queue on one CPU. runtime_remaining_ns below zero: it is in debt."""

    cpu: int
    cfs_rq: Address
    throttled: bool | None = None
    throttle_count: int | None = None
    runtime_remaining_ns: int | None = None


FoundBy = Literal["running_timer", "timer_state", "stack", "unthrottled_queue"]


class BandwidthTimer(Model):
    """The timer that was handing out a group's quota, and how it was recognized."""

    cpu: int
    timer: str  # sched_cfs_period_timer, sched_cfs_slack_timer; the pool itself: cfs_bandwidth
    found_by: FoundBy
    task_group: Address
    at: Address | None = None  # where the pointer stood
    evidence: tuple[Evidence, ...] = ()


class GroupBandwidth(Model):
    """struct cfs_bandwidth of one group. Times in ns; quota_ns -1: no limit. None: not read.

    path: from kernel memory, also where `runq -g` prints no name; shown_as: as rebuilt from it.
    """

    task_group: Address
    path: str | None
    shown_as: str | None = None
    container: Container | None = None
    quota_ns: int | None = None
    period_ns: int | None = None
    burst_ns: int | None = None
    cpus_allowed: float | None = None  # quota by period
    hierarchical_cpus: float | None = None  # the least of its own and its parents'
    runtime_ns: int | None = None
    nr_periods: int | None = None
    nr_throttled: int | None = None
    throttled_time_ns: int | None = None
    waiting_queues: int | None = None  # on the list throttled_cfs_rq
    child_groups: int | None = None
    tasks: int | None = None
    cpus: tuple[CpuBandwidth, ...] = ()
    timer: BandwidthTimer | None = None

    @property
    def unlimited(self) -> bool:
        """It has no quota of its own: whatever says it is throttled is wrong."""
        return self.quota_ns == -1
