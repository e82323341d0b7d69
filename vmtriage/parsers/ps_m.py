"""`ps -m`: how long ago each task last ran. Rows of `foreach ... ps -m` are the same.

Sample::

    [0 00:15:50.424] [UN]  PID: 957      TASK: ffff88810baa0ec0  CPU: 1    COMMAND: "jbd2/dm-3-8"
    [12 03:00:00.129] [IN]  PID: 1      TASK: ffff888100158000  CPU: 0    COMMAND: "systemd"
"""

import re

from vmtriage.models.task import TaskLastRun, TasksLastRun
from vmtriage.parsers._lines import split_lines
from vmtriage.parsers._notes import Notes
from vmtriage.parsers._queued import read_task

COMMAND = "ps -m"

_ROW = re.compile(
    r"\s*\[ *([0-9]{1,9}) ([0-9]{2}):([0-9]{2}):([0-9]{2})\.([0-9]{3})\] +"
    r"\[([A-Z?]{2,6}(?: ?EX)?)\] +(?=PID:)"
)
_CPU_TITLE = re.compile(r"\s*CPU: [0-9]+(?: \[OFFLINE\])?\s*")  # `ps -m -C`


def parse(text: str) -> TasksLastRun:
    """Read the output of `ps -m`; milliseconds since the task last ran, 0 for idle tasks."""
    lines, notes = split_lines(text), Notes(COMMAND)
    tasks: list[TaskLastRun] = []
    index = 0
    while index < len(lines):
        line = lines[index]
        row = _ROW.match(line.text)
        found = read_task(lines, index, row.end()) if row else None
        index += found.used if found else 1
        if row is None or found is None:
            if not _CPU_TITLE.fullmatch(line.text):
                notes.unfit(line)
            continue
        if not found.sound:
            notes.unfit(line)
        tasks.append(
            TaskLastRun(
                ago_ms=_milliseconds(row),
                state=row[6],
                pid=found.pid,
                task=found.task,
                cpu=found.cpu,
                comm=found.comm,
                line=line.number,
            )
        )
    if not tasks:
        notes.fail("`[days hh:mm:ss.mmm] [state]  PID:` row")
    return TasksLastRun(tasks=tuple(tasks), notes=notes.all())


def _milliseconds(row: re.Match[str]) -> int:
    days, hours, minutes, seconds, rest = (int(row[group]) for group in range(1, 6))
    return (((days * 24 + hours) * 60 + minutes) * 60 + seconds) * 1000 + rest
