"""Run queues as `runq`, `runq -g` and `runq -t` show them."""

from typing import Literal

from vmtriage.models.base import Address, Model, Note


class QueuedTask(Model):
    """A task on a run queue. prio is the kernel's (120 = nice 0), or the RT array's index."""

    pid: int
    comm: str
    task: Address
    prio: int | None = None
    current: bool = False  # it was running on that CPU
    line: int


class TaskGroup(Model):
    """One group's run queue on one CPU. `path` is rebuilt from the nesting; the root is "/".

    `throttled` is this group's own mark on this CPU; a child of a throttled group has none.
    """

    kind: Literal["cfs", "rt"]
    task_group: Address
    cfs_rq: Address | None = None  # for kind "cfs"
    rt_rq: Address | None = None  # for kind "rt"
    name: str | None = None  # None: crash printed no name (autogroup, or a kernel it cannot read)
    path: str
    throttled: bool = False
    tasks: tuple[QueuedTask, ...] = ()
    children: tuple["TaskGroup", ...] = ()
    line: int


class GroupRunQueue(Model):
    """`runq -g` of one CPU. `groups` are the root groups (RT and CFS)."""

    cpu: int
    offline: bool = False
    current: QueuedTask | None = None
    groups: tuple[TaskGroup, ...] = ()
    line: int


class GroupRunQueues(Model):
    """`runq -g`: every CPU's tree of task groups."""

    run_queues: tuple[GroupRunQueue, ...]
    notes: tuple[Note, ...] = ()


class RunQueue(Model):
    """`runq` of one CPU: RT and CFS tasks that wait, and the running one."""

    cpu: int
    offline: bool = False
    rq: Address | None = None
    current: QueuedTask | None = None
    rt_prio_array: Address | None = None
    rt: tuple[QueuedTask, ...] = ()
    cfs_root: Address | None = None
    cfs: tuple[QueuedTask, ...] = ()
    line: int


class RunQueues(Model):
    """`runq`: every CPU's queue."""

    run_queues: tuple[RunQueue, ...]
    notes: tuple[Note, ...] = ()


class ClockStamp(Model):
    """`runq -t` of one CPU: the run queue clock, and when the task last got the CPU; ns."""

    cpu: int
    offline: bool = False
    clock_ns: int | None = None
    last_run_ns: int | None = None
    current: QueuedTask | None = None
    line: int


class ClockStamps(Model):
    """`runq -t`: every CPU's clock."""

    stamps: tuple[ClockStamp, ...]
    notes: tuple[Note, ...] = ()


class TreeNodes(Model):
    """`tree`: the addresses of the structures in a red-black tree, in its order."""

    nodes: tuple[Address, ...]
    notes: tuple[Note, ...] = ()
