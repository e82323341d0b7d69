"""The task text of runq and ps -m, read so that no task's name can forge a line."""

from collections.abc import Sequence
from typing import NamedTuple

from vmtriage.models.runqueue import QueuedTask
from vmtriage.parsers._lines import Line, task_header

_MAX_COMM = 15  # TASK_COMM_LEN - 1: the kernel holds no longer name
_CURRENT = "[CURRENT]"


class TaskText(NamedTuple):
    """A whole `PID: .. TASK: .. COMMAND: ".."`; `used` is how many lines it took.

    `sound` is False when something crash does not print stands behind the name.
    """

    pid: int
    task: str
    cpu: int | None
    comm: str
    current: bool
    sound: bool
    used: int


def read_task(lines: Sequence[Line], index: int, start: int) -> TaskText | None:
    """The task whose `PID:` stands at column `start` of lines[index]; None if it was cut."""
    head = task_header(lines, index)
    if head is None or head.start != start or head.task is None or head.comm is None:
        return None
    comm, rest, used = _longest(head.comm, head.rest, head.used, lines, index)
    current = rest.strip() == _CURRENT
    sound = current or not rest.strip()
    return TaskText(head.pid, head.task, head.cpu, comm, current, sound, used)


def _longest(
    comm: str, rest: str, used: int, lines: Sequence[Line], index: int
) -> tuple[str, str, int]:
    # A task named `a"\nCPU 9\n` prints a line of its own that looks like crash's. Every line of
    # crash that ends in a quote is longer than a name, so the longest possible name is the name.
    joined, more = f'{comm}"{rest}', used
    while len(joined) <= _MAX_COMM + len(_CURRENT) + 2 and index + more < len(lines):
        joined = f"{joined}\n{lines[index + more].text}"
        more += 1
        name, quote, behind = joined.rpartition('"')
        if quote and len(name) <= _MAX_COMM and behind.strip() in ("", _CURRENT):
            # Blank lines behind a name are separators, no part of it.
            if "\n" in behind:
                continue
            comm, rest, used = name, behind, more
    return comm, rest, used


def queued(found: TaskText, line: int, prio: int | None, running: str | None) -> QueuedTask:
    """The task as a fact; `running` is the address of the task on the CURRENT line."""
    return QueuedTask(
        pid=found.pid,
        comm=found.comm,
        task=found.task,
        prio=prio,
        current=found.current or found.task == running,
        line=line,
    )
