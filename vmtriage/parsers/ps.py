"""`ps`: every task crash can see, with its state, its memory and the CPU it is or was on.

Old and new crash differ only in the width of the columns. `[name]` is a kernel thread, or a user
task that has already given up its memory.

Sample::

          PID    PPID  CPU       TASK        ST  %MEM      VSZ      RSS  COMM
    >       0       0   0  ffffffffbae1aa40  RU   0.0        0        0  [swapper/0]
            1       0   2  ffff89cf012020c0  IN   0.3     2260     1800  init
"""

import re

from vmtriage.models.task import Task, Tasks
from vmtriage.parsers._lines import Line, split_lines
from vmtriage.parsers._notes import Notes

COMMAND = "ps"

_HEADER = re.compile(r"\s*PID\s+PPID\s+CPU\s+TASK\s+ST\s+%MEM\s+VSZ\s+RSS\s+COMM\s*")
_ROW = re.compile(
    r"\s*(?:([>-])\s+)?([0-9]{1,10})\s+([0-9]{1,10})\s+([0-9]{1,6}|[?-])\s+"
    r"([0-9a-f]{1,16})\s+([A-Z?]{2,6}(?: EX)?)\s+([0-9]{1,4}\.[0-9]{1,3}|[?-])\s+"
    r"([0-9]{1,19})\s+([0-9]{1,19})(?: {1,2}|$)(.*)",
)
_MAX_BRACKETED = 17  # a name of 15 bytes in brackets
_KIB = 1024


def parse(text: str) -> Tasks:
    """Read the output of `ps`. A header without rows is an empty list (`ps` of one wrong pid)."""
    lines, notes = split_lines(text), Notes(COMMAND)
    tasks: list[Task] = []
    header = False
    index = 0
    while index < len(lines):
        line = lines[index]
        index += 1
        if row := _ROW.fullmatch(line.text):
            comm, used = _whole(row[10], lines, index)
            index += used
            if not comm:
                notes.unfit(line)
            tasks.append(_task(row, comm, line.number))
        elif _HEADER.fullmatch(line.text):
            header = True
        else:
            notes.unfit(line)
    if not (tasks or header):
        notes.fail("table of tasks")
    return Tasks(tasks=tuple(tasks), notes=notes.all())


def _whole(comm: str, lines: list[Line], index: int) -> tuple[str, int]:
    """Join a name in brackets that holds newlines; return it and the lines it took more."""
    comm = comm.rstrip()
    if not comm.startswith("[") or comm.endswith("]"):
        return comm, 0
    joined, used = comm, 0
    while len(joined) <= _MAX_BRACKETED and index + used < len(lines):
        joined = f"{joined}\n{lines[index + used].text.rstrip()}"
        used += 1
        if joined.endswith("]") and len(joined) <= _MAX_BRACKETED:
            return joined, used
    return comm, 0


def _task(row: re.Match[str], comm: str, number: int) -> Task:
    marker, pid, ppid, cpu, task, state, percent, vsz, rss = row.groups()[:9]
    bracketed = len(comm) > 1 and comm[0] == "[" and comm[-1] == "]"
    return Task(
        pid=int(pid),
        ppid=int(ppid),
        cpu=int(cpu) if cpu.isdecimal() else None,
        task=task,
        state=state,
        mem_percent=float(percent) if percent[0].isdecimal() else None,
        vsz=int(vsz) * _KIB,
        rss=int(rss) * _KIB,
        comm=comm[1:-1] if bracketed else comm,
        bracketed=bracketed,
        active=marker == ">",
        line=number,
    )
