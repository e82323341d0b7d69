"""Who a task is, from its address alone: crash's own task table is not asked.

Sources: include/linux/sched.h, include/linux/pid.h, kernel/workqueue_internal.h, kernel/kthread.c.
"""

from collections.abc import Callable, Iterator, Sequence

from vmtriage.analysis.containers import identify
from vmtriage.analysis.inquiry import cgroups as groups
from vmtriage.analysis.inquiry.layout import member, size
from vmtriage.analysis.inquiry.memory import Memory
from vmtriage.models.container import Container
from vmtriage.models.who import Ancestor, CgroupPath, TaskIdentity, TaskKind

_PID = member("task_struct", "pid")
_TGID = member("task_struct", "tgid")
_COMM = member("task_struct", "comm")
_FLAGS = member("task_struct", "flags")
_PARENT = member("task_struct", "real_parent")
_NSPROXY = member("task_struct", "nsproxy")
_UTS = member("nsproxy", "uts_ns")
_NODENAME = member("uts_namespace", "name.nodename")
_THREAD_PID = member("task_struct", "thread_pid")
_PIDS = member("task_struct", "pids")  # before 4.19 an array of links
_PID_LINK = member("pid_link", "pid")
_LEVEL = member("pid", "level")
_NUMBERS = member("pid", "numbers")
_UPID_SIZE = size("upid")
# kernel threads: struct kthread hung there; before 5.17 at set_child_tid
_KTHREAD = member("task_struct", "worker_private", "set_child_tid")
_KTHREAD_DATA = member("kthread", "data")
_CURRENT_WORK = member("worker", "current_func")
_CURRENT_PWQ = member("worker", "current_pwq")
_PWQ_WQ = member("pool_workqueue", "wq")
_WQ_NAME = member("workqueue_struct", "name")

MEMBERS = (
    _PID, _TGID, _COMM, _FLAGS, _PARENT, _NSPROXY, groups.CGROUPS, _THREAD_PID, _UTS, _NODENAME,
    _LEVEL, _NUMBERS, _UPID_SIZE, *groups.MEMBERS,
)  # fmt: skip
_COMM_BYTES = 16  # TASK_COMM_LEN
_NODENAME_BYTES = 65  # __NEW_UTS_LEN + 1
_PF_WQ_WORKER, _PF_KTHREAD = 0x20, 0x200000
_DEEPEST_NAMESPACE = 32  # MAX_PID_NS_LEVEL
_MAX_ANCESTORS = 16

Name = Callable[[int], str | None]  # the symbol at an address


class Who:
    """Identifies tasks; asks the session for what it does not know yet."""

    def __init__(self, memory: Memory, name_of: Name, host: str | None = None) -> None:
        self._memory, self._name_of, self._host = memory, name_of, host
        self._cgroups = groups.Cgroups(memory)
        memory.layout.learn(MEMBERS)

    def identify(self, task: int, roles: Sequence[str] = ()) -> TaskIdentity:
        """All that its task_struct leads to."""
        memory = self._memory
        pid, comm = self._pid(task), self._comm(task)
        paths = self._cgroups.of_task(task)
        cgroup = most_telling(paths or ())
        kind = self._kind(task)
        ancestors = tuple(self._ancestors(task)) if kind == "user" else ()
        told = {"pid": pid, "comm": comm, "cgroup": paths, "kind": kind}
        return TaskIdentity(
            task=f"{task:x}", pid=pid, comm=comm, kind=kind, roles=tuple(roles),
            tgid=memory.unsigned(task, _TGID),
            workqueue=self._workqueue(task) if kind == "worker" else None,
            cgroup="/" if paths == () else cgroup[0] if cgroup else None,
            cgroups=paths or (), container=cgroup[1] if cgroup else None,
            hostname=self._hostname(task), ns_pid=self._ns_pid(task), ancestors=ancestors,
            unread=tuple(name for name, value in told.items() if value is None),
        )  # fmt: skip

    def _pid(self, task: int) -> int | None:
        return self._memory.unsigned(task, _PID)

    def _comm(self, task: int) -> str | None:
        return self._memory.text(self._memory.at(task, _COMM), _COMM_BYTES)

    def _kind(self, task: int) -> TaskKind | None:
        flags = self._memory.unsigned(task, _FLAGS)
        if flags is None:
            return None
        if flags & _PF_WQ_WORKER:
            return "worker"
        return "kernel_thread" if flags & _PF_KTHREAD else "user"

    def _hostname(self, task: int) -> str | None:
        memory = self._memory
        uts = memory.pointer(memory.pointer(task, _NSPROXY), _UTS)
        name = memory.text(memory.at(uts, _NODENAME), _NODENAME_BYTES)
        return name if name and name != self._host else None

    def _ns_pid(self, task: int) -> int | None:
        """Its number in the innermost PID namespace; None in the host's."""
        memory = self._memory
        if memory.layout[_THREAD_PID] is not None:
            pid = memory.pointer(task, _THREAD_PID)
        else:
            pid = memory.pointer(memory.at(task, _PIDS), _PID_LINK)
        level, width = memory.unsigned(pid, _LEVEL), memory.layout[_UPID_SIZE]
        numbers = memory.at(pid, _NUMBERS)
        if not level or level > _DEEPEST_NAMESPACE or not width or numbers is None:
            return None
        return memory.number(numbers + level * width) or None

    def _ancestors(self, task: int) -> Iterator[Ancestor]:
        """Parents up to the container's init; the host's init only where it is the parent."""
        seen = {task}
        inside = self._ns_pid(task) not in (None, 1)
        for _ in range(_MAX_ANCESTORS):
            parent = self._memory.pointer(task, _PARENT)
            if not parent or parent in seen:
                return
            seen.add(parent)
            pid, comm = self._pid(parent), self._comm(parent)
            if not pid or comm is None:
                return
            yield Ancestor(pid=pid, comm=comm, task=f"{parent:x}")
            if pid == 1 or (inside and self._ns_pid(parent) in (1, None)):
                return
            task = parent

    def _workqueue(self, task: int) -> str | None:
        """What it works on, as the kernel's log would call it; None: it is idle, or not told."""
        memory = self._memory
        worker = memory.pointer(memory.pointer(task, _KTHREAD), _KTHREAD_DATA)
        function = memory.pointer(worker, _CURRENT_WORK)
        if not function:
            return None
        queue = memory.pointer(memory.pointer(worker, _CURRENT_PWQ), _PWQ_WQ)
        # an array since 3.12, a pointer before
        name = memory.text(memory.at(queue, _WQ_NAME), 24)
        told = [name or "", self._name_of(function) or f"{function:x}"]
        return " ".join(part for part in told if part)


def most_telling(paths: Sequence[CgroupPath]) -> tuple[str, Container | None] | None:
    """The path that names a container, else a unit, else the longest; with its owner."""
    found = [(each.path, identify(each.path)) for each in paths]
    if not found:
        return None

    def worth(item: tuple[str, Container | None]) -> tuple[int, int, int]:
        path, owner = item
        if owner is None:
            return (0, 0, len(path))
        return (1 if owner.runtime == "systemd" else 2, owner.container_id is not None, len(path))

    return max(found, key=worth)
