"""From a waiter on a task's stack to its lock, and from the lock to whoever holds it.

A sleeping lock keeps its waiters in a list; each entry lies on its own task's stack and names that
task. The one node that does not is the lock's own. Nothing is believed that memory contradicts.

Sources: include/linux/{mutex,rwsem,semaphore,completion,swait,wait,percpu-rwsem,rtmutex}.h,
kernel/locking/mutex.c (MUTEX_FLAGS since 4.10), kernel/locking/rwsem.c (owner's low bits),
kernel/locking/rtmutex_common.h, of 3.10 to 6.17.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from vmtriage.analysis.inquiry.layout import Member, member
from vmtriage.analysis.inquiry.memory import Memory
from vmtriage.models.waits import WaitKind

STACK = member("task_struct", "stack")
_LARGEST_STACK = 0x10000  # arm64 with pages of 64 KiB; most have 16 KiB
_LONGEST_QUEUE = 4096
_ENOUGH = 128
_ON, _BACK = 0, 1  # the links of a list_head
_FLAGS = 7  # of a lock's owner: a task is aligned
_READER = 1  # RWSEM_READER_OWNED


@dataclass(frozen=True)
class Queue:
    """How tasks queue for a lock of one kind: the waiter's members, and the lock's."""

    struct: str
    task: Member
    node: Member
    head: Member
    owner: Member | None = None

    @property
    def members(self) -> tuple[Member, ...]:
        """What has to be known of this kernel."""
        return (self.task, self.node, self.head, *((self.owner,) if self.owner else ()))


def _of_waiter(struct: str, waiter: str, owner: str) -> Queue:
    return Queue(
        struct, member(waiter, "task"), member(waiter, "list"), member(struct, "wait_list"),
        member(struct, owner),
    )  # fmt: skip


_ENTRY = member("wait_queue_entry", "private"), member("wait_queue_entry", "entry")
_OLD_ENTRY = member("__wait_queue", "private"), member("__wait_queue", "task_list")  # before 4.13
_SWAIT = member("swait_queue", "task"), member("swait_queue", "task_list")
QUEUES: Mapping[WaitKind, tuple[Queue, ...]] = MappingProxyType(
    {
        "mutex": (_of_waiter("mutex", "mutex_waiter", "owner"),),
        "rwsem": (_of_waiter("rw_semaphore", "rwsem_waiter", "owner"),),
        # last_holder: 6.16, where hung tasks are told their blockers
        "semaphore": (_of_waiter("semaphore", "semaphore_waiter", "last_holder"),),
        "completion": (
            Queue("completion", *_OLD_ENTRY, member("completion", "wait.task_list")),
            Queue("completion", *_ENTRY, member("completion", "wait.head")),  # before 5.7
            Queue("completion", *_SWAIT, member("completion", "wait.task_list")),
        ),
        "percpu_rwsem": (
            Queue("percpu_rw_semaphore", *_ENTRY, member("percpu_rw_semaphore", "waiters.head")),
        ),
    }
)
_RT_TASK, _RT_LOCK = member("rt_mutex_waiter", "task"), member("rt_mutex_waiter", "lock")
_RT_OWNERS = (member("rt_mutex_base", "owner"), member("rt_mutex", "owner"))  # base: 5.15


@dataclass(frozen=True)
class Held:
    """A lock as its memory shows it. owner: the task's address, 0 for none, None: not told."""

    address: int
    struct: str
    owner: int | None = None
    by_readers: bool = False
    recorded: bool = True  # whether this kernel keeps an owner in such a lock


class Locks:
    """Finds locks; each place is read once, however many wait for the same lock."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._heads: dict[tuple[Member, int], int | None] = {}

    def wanted(self, task: int, kind: WaitKind, low: int, high: int) -> Held | None:
        """The lock for which a waiter on the stack between `low` and `high` queues."""
        if kind == "rt_mutex":
            return self._rt_mutex(task, low, high)
        for queue in self._queues(kind):
            for node in self._nodes(queue, task, low, high):
                head = self._head(queue, node)
                inside = self._memory.layout[queue.head]
                if head is not None and inside is not None:
                    return self._held(queue, head - inside)
        return None

    # -- queues in lists -----------------------------------------------------------------------

    def _queues(self, kind: WaitKind) -> Iterator[Queue]:
        """Those of this kernel: completions changed twice."""
        layout = self._memory.layout
        for queue in QUEUES.get(kind, ()):
            layout.learn((STACK, *queue.members))
            if None not in (layout[queue.task], layout[queue.node], layout[queue.head]):
                yield queue
                return

    def _nodes(self, queue: Queue, task: int, low: int, high: int) -> Iterator[int]:
        """List nodes of what looks like the task's own waiter."""
        layout = self._memory.layout
        to_task, to_node = layout[queue.task] or 0, layout[queue.node] or 0
        for at in self._mentions(task, low, high):
            yield at - to_task + to_node

    def _mentions(self, task: int, low: int, high: int) -> Iterator[int]:
        size = self._memory.word_size
        low -= low % size
        count = min(high - low, _LARGEST_STACK // 2) // size
        for index, word in enumerate(self._memory.words(low, count) if count > 0 else ()):
            if word == task:
                yield low + index * size

    def _head(self, queue: Queue, node: int) -> int | None:
        """The one node of the list that is no waiter, found in both directions."""
        known = self._heads.get((queue.node, node))
        if known is not None:
            return known
        head, before = self._walk(queue, node, _BACK, _LONGEST_QUEUE)
        if head is None or not before:
            return None
        # A flood is not walked through twice: so many sound waiters are enough.
        other, after = self._walk(queue, node, _ON, _ENOUGH)
        if other != head and not (other is None and len(after) >= _ENOUGH):
            return None
        self._heads.update({(queue.node, each): head for each in (*before, *after)})
        return head

    def _walk(
        self, queue: Queue, node: int, way: int, limit: int
    ) -> tuple[int | None, tuple[int, ...]]:
        """The first node that is no waiter, and the waiters passed; None: the list is broken."""
        memory, passed = self._memory, dict[int, None]()
        while node not in passed and len(passed) < limit:
            if not self._waits_here(queue, node):
                return node, tuple(passed)
            links = memory.words(node, 2)
            # RHEL 7 keeps only the first link in an rwsem: nothing is asked of it but that
            if len(links) < 2 or (way == _BACK and memory.words(links[way], 2)[:1] != (node,)):
                break
            passed[node] = None
            node = links[way]
        return None, tuple(passed)

    def _waits_here(self, queue: Queue, node: int) -> bool:
        """Whether the node belongs to a waiter on the stack of the task it names."""
        memory, layout = self._memory, self._memory.layout
        task = memory.word(node - (layout[queue.node] or 0) + (layout[queue.task] or 0))
        stack = memory.pointer(task, STACK) if task and not task % memory.word_size else None
        return bool(stack) and 0 <= node - (stack or 0) < _LARGEST_STACK

    # -- the lock ------------------------------------------------------------------------------

    def _held(self, queue: Queue, lock: int) -> Held:
        layout = self._memory.layout
        if queue.owner is None or layout[queue.owner] is None:
            return Held(lock, queue.struct, recorded=False)
        value = self._memory.pointer(lock, queue.owner)
        if value is None:
            return Held(lock, queue.struct)
        readers = queue.struct == "rw_semaphore" and bool(value & _READER)
        return Held(lock, queue.struct, value & ~_FLAGS, readers)

    def _rt_mutex(self, task: int, low: int, high: int) -> Held | None:
        """Its waiter names the lock itself; PREEMPT_RT makes mutexes and rwsems of it."""
        memory, layout = self._memory, self._memory.layout
        layout.learn((_RT_TASK, _RT_LOCK))
        to_task, to_lock = layout[_RT_TASK], layout[_RT_LOCK]
        owner = next((each for each in _RT_OWNERS if layout[each] is not None), None)
        if to_task is None or to_lock is None or owner is None:
            return None
        for at in self._mentions(task, low, high):
            lock = memory.word(at - to_task + to_lock)
            value = memory.pointer(lock, owner) if lock else None
            if lock and value is not None:
                return Held(lock, owner.struct, value & ~_FLAGS)
        return None
