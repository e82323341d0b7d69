"""Tasks by address: what ps knows of them, and memory where ps lost them."""

from collections.abc import Mapping

from vmtriage.analysis.inquiry.layout import member
from vmtriage.analysis.inquiry.memory import Memory
from vmtriage.models.evidence import Facts
from vmtriage.models.task import Task
from vmtriage.models.waits import TaskName

_PID = member("task_struct", "pid")
_COMM = member("task_struct", "comm")
_COMM_BYTES = 16  # TASK_COMM_LEN
_PID_MAX = 1 << 22  # PID_MAX_LIMIT


class Census:
    """Every task of the dump."""

    def __init__(self, facts: Facts, memory: Memory) -> None:
        self._memory = memory
        listed = facts.tasks.tasks if facts.tasks else ()
        self.listed: Mapping[int, Task] = {int(each.task, 16): each for each in listed}
        self.whole = bool(listed) and not facts.tasks_lost
        slept = facts.last_run.tasks if facts.last_run else ()
        self._ago = {int(each.task, 16): each.ago_ms for each in slept}
        self._running = {
            int(stack.task, 16)
            for stack in (facts.cpu_stacks.backtraces if facts.cpu_stacks else ())
            if stack.task and stack.cpu is not None
        }

    def name(self, task: int) -> TaskName | None:
        """Its number and name; None: there is no such task."""
        known = self.listed.get(task)
        if known is not None:
            return TaskName(task=f"{task:x}", pid=known.pid, comm=known.comm)
        if self.whole:
            return None
        memory = self._memory
        pid = memory.unsigned(task, _PID)
        comm = memory.text(memory.at(task, _COMM), _COMM_BYTES)
        if pid is None or not 0 < pid <= _PID_MAX or not comm or not comm.isprintable():
            return None
        return TaskName(task=f"{task:x}", pid=pid, comm=comm)

    def state(self, task: int) -> str | None:
        """RU, IN, UN ... as ps prints it."""
        known = self.listed.get(task)
        return known.state if known else None

    def runs(self, task: int) -> bool:
        """Whether it was on a CPU."""
        known = self.listed.get(task)
        return task in self._running or (known is not None and known.active)

    def waited_ms(self, task: int) -> int | None:
        """Since it last ran."""
        return self._ago.get(task)
