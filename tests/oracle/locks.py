"""Who waits for whose lock. Sources: kernel/locking/mutex.h, mutex.c, rwsem.c."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from drgn import FaultError, Object, Program, StackTrace, container_of, offsetof
from drgn.helpers.linux.list import list_for_each_entry
from drgn.helpers.linux.locking import mutex_owner, rwsem_owner
from drgn.helpers.linux.pid import for_each_task
from drgn.helpers.linux.sched import task_state_to_char

from .tasks import address, text

LockKind = Literal["mutex", "rwsem"]
# slow path's function -> what is waited for; GCC may append .constprop.0
_SLOW_PATHS: tuple[tuple[str, LockKind], ...] = (
    ("__mutex_lock", "mutex"),
    ("__ww_mutex_lock", "mutex"),
    ("rwsem_down_read_slowpath", "rwsem"),
    ("rwsem_down_write_slowpath", "rwsem"),
)
_TYPES = {
    "mutex": ("struct mutex", "struct mutex_waiter", "lock"),
    "rwsem": ("struct rw_semaphore", "struct rwsem_waiter", "sem"),
}
_READER_OWNED = 1  # of rw_semaphore.owner: whoever of the readers took it last


@dataclass(frozen=True)
class Wait:
    """One task in uninterruptible sleep, the lock it waits for and who holds that."""

    task: str
    pid: int
    comm: str
    kind: LockKind
    lock: str
    owner: str | None  # None: nobody, just now
    owner_pid: int | None
    owner_comm: str | None
    by_reader: bool  # then the owner is one of several, or was


def waits(prog: Program) -> tuple[Wait, ...]:
    """All of them, by PID."""
    tasks = {int(task): task for task in for_each_task(prog)}
    found = [
        wait
        for task in tasks.values()
        if task_state_to_char(task) == "D"
        if (wait := _wait(task, tasks)) is not None
    ]
    return tuple(sorted(found, key=lambda wait: wait.pid))


def _wait(task: Object, tasks: dict[int, Object]) -> Wait | None:
    trace = task.prog_.stack_trace(task)
    kind = _slow_path(trace)
    if kind is None:
        return None
    lock = _lock(task, kind, tasks)
    told = _local(trace, _TYPES[kind][2])
    assert told in (None, int(lock)), f"{told:x}: the debuginfo names another lock than the list"
    holder = tasks.get(int(mutex_owner(lock) if kind == "mutex" else rwsem_owner(lock)))
    return Wait(
        task=address(task),
        pid=int(task.pid),
        comm=text(task.comm),
        kind=kind,
        lock=address(lock),
        owner=None if holder is None else address(holder),
        owner_pid=None if holder is None else int(holder.pid),
        owner_comm=None if holder is None else text(holder.comm),
        by_reader=kind == "rwsem" and bool(int(lock.owner.counter) & _READER_OWNED),
    )


def _slow_path(trace: StackTrace) -> LockKind | None:
    for frame in trace:
        for name, kind in _SLOW_PATHS:
            if frame.name is not None and frame.name.startswith(name):
                return kind
    return None


def _lock(task: Object, kind: LockKind, tasks: dict[int, Object]) -> Object:
    """By the waiter on the task's stack: the head of the list it is in lies in the lock."""
    lock_type, waiter_type, _ = _TYPES[kind]
    locks = {}
    for waiter in _waiters(task, waiter_type):
        head = waiter.list.next.read_()
        while _is_waiter(head, waiter_type, tasks):
            head = head.next.read_()
        lock = container_of(head, lock_type, "wait_list")
        if any(
            each == waiter
            for each in list_for_each_entry(waiter_type, lock.wait_list.address_of_(), "list")
        ):
            locks[int(lock)] = lock
    assert len(locks) == 1, f"{text(task.comm)} seems to wait for {len(locks)} locks"
    return locks.popitem()[1]


def _waiters(task: Object, waiter_type: str) -> Iterator[Object]:
    """What looks like one on the stack: it names the task, and both neighbours name it."""
    prog = task.prog_
    named = offsetof(prog.type(waiter_type), "task")
    low, high = int(task.thread.sp), _top(task)
    for place in range(low, high, 8):
        if prog.read_u64(place) != int(task) or place - named < low:
            continue
        waiter = Object(prog, f"{waiter_type} *", place - named)
        node = waiter.list.address_of_()
        if _valid(node.next.prev, node) and _valid(node.prev.next, node):
            yield waiter


def _valid(back: Object, node: Object) -> bool:
    try:
        return int(back) == int(node)
    except FaultError:  # no pointer at all
        return False


def _is_waiter(node: Object, waiter_type: str, tasks: dict[int, Object]) -> bool:
    """Does it lie on the stack of the task it names? The list's head does not."""
    waiter = container_of(node, waiter_type, "list")
    task = tasks.get(int(waiter.task))
    return task is not None and int(task.thread.sp) <= int(node) < _top(task)


def _top(task: Object) -> int:
    return int(task.stack) + int(task.prog_["THREAD_SIZE"])


def _local(trace: StackTrace, name: str) -> int | None:
    """A local variable that the debuginfo still knows in any frame."""
    for frame in trace:
        try:
            value = frame[name]
        except KeyError:
            continue
        if not value.absent_:
            return int(value)
    return None
