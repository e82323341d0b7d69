"""`runq`: which tasks wait on each CPU, and which one runs there.

The running CFS task is only on the CURRENT line; a running RT task is in the RT list as well.
Kernels before 2.6.23 print an active and an expired array: their tasks go to `rt` below priority
100, to `cfs` otherwise. A task crash does not know is not printed at all.

Sample::

    CPU 1 RUNQUEUE: ffff89cf1f0b1980
      CURRENT: PID: 812    TASK: ffff89cf012720c0  COMMAND: "stress"
      RT PRIO_ARRAY: ffff89cf1f0b1bc0
         [  9] PID: 63     TASK: ffff89cf11fc20c0  COMMAND: "irq/24-nvme"
      CFS RB_ROOT: ffff89cf1f0b1a30
         [120] PID: 813    TASK: ffff89cf021ac180  COMMAND: "stress"
"""

import re
from dataclasses import dataclass, field
from typing import Literal

from vmtriage.models.runqueue import QueuedTask, RunQueue, RunQueues
from vmtriage.parsers._lines import Line, split_lines
from vmtriage.parsers._notes import Notes
from vmtriage.parsers._queued import queued, read_task

COMMAND = "runq"

_CPU = re.compile(
    r"\s*(?:CPU +([0-9]{1,6}) +(?:RUNQUEUE: *([0-9a-f]{1,16})|(\[OFFLINE\]))"
    r"|RUNQUEUES\[([0-9]{1,6})\]: *([0-9a-f]{1,16}))\s*"
)
_CURRENT = re.compile(r"\s*CURRENT: *")
_QUEUE = re.compile(
    r"\s*(RT PRIO_ARRAY|CFS RB_ROOT|ACTIVE PRIO_ARRAY|EXPIRED PRIO_ARRAY): *([0-9a-f]{1,16})\s*"
)
_TASK = re.compile(r"\s*(?:\[ *([0-9]{1,4})\] +)?(?=PID:)")
_EMPTY = re.compile(r"\s*\[no tasks queued\]\s*")


@dataclass
class _Cpu:
    cpu: int
    header: Line
    rq: str | None = None
    offline: bool = False
    current: QueuedTask | None = None
    roots: dict[str, str] = field(default_factory=dict)
    rt: list[QueuedTask] = field(default_factory=list)
    cfs: list[QueuedTask] = field(default_factory=list)
    queue: Literal["", "rt", "cfs", "mixed"] = ""
    prio: int | None = None  # of the last task: O(1) kernels print it once for several tasks

    def open(self, kind: str, address: str) -> None:
        """Start a list of tasks."""
        self.queue = "rt" if kind[:2] == "RT" else "cfs" if kind[:3] == "CFS" else "mixed"
        self.roots[self.queue] = address
        self.prio = None

    def add(self, task: QueuedTask) -> None:
        """File the task under the list it was printed in."""
        is_rt = self.queue == "rt" or (self.queue == "mixed" and (task.prio or 0) < 100)
        (self.rt if is_rt else self.cfs).append(task)

    def done(self) -> RunQueue:
        """The finished fact."""
        return RunQueue(
            cpu=self.cpu,
            offline=self.offline,
            rq=self.rq,
            current=self.current,
            rt_prio_array=self.roots.get("rt"),
            rt=tuple(self.rt),
            cfs_root=self.roots.get("cfs"),
            cfs=tuple(self.cfs),
            line=self.header.number,
        )


def parse(text: str) -> RunQueues:
    """Read the output of `runq`, of all CPUs or of those given with -c."""
    lines, notes = split_lines(text), Notes(COMMAND)
    cpus: list[_Cpu] = []
    index = 0
    while index < len(lines):
        if header := _CPU.fullmatch(lines[index].text):
            cpus.append(_header(header, lines[index]))
            index += 1
        else:
            index += _line(lines, index, cpus[-1] if cpus else None, notes)
    if not cpus:
        notes.fail("`CPU n RUNQUEUE:` line")
    notes.bare(cpu.header for cpu in cpus if not (cpu.offline or cpu.current or cpu.queue))
    return RunQueues(run_queues=tuple(cpu.done() for cpu in cpus), notes=notes.all())


def _header(match: re.Match[str], line: Line) -> _Cpu:
    cpu, rq, offline, old_cpu, old_rq = match.groups()
    return _Cpu(int(cpu or old_cpu), line, rq or old_rq, offline is not None)


def _line(lines: list[Line], index: int, cpu: _Cpu | None, notes: Notes) -> int:
    """Take one line below a CPU header; return how many lines it took."""
    line = lines[index]
    if cpu is not None:
        if match := _QUEUE.fullmatch(line.text):
            cpu.open(*match.groups())
            return 1
        if cpu.queue and _EMPTY.fullmatch(line.text):
            return 1
        if used := _task(lines, index, cpu, notes):
            return used
    notes.unfit(line)
    return 1


def _task(lines: list[Line], index: int, cpu: _Cpu, notes: Notes) -> int:
    """Add the task in this line to its CPU; return how many lines it took, 0 if it is none."""
    line = lines[index]
    running = _CURRENT.match(line.text)
    match = running or (_TASK.match(line.text) if cpu.queue else None)
    found = read_task(lines, index, match.end()) if match else None
    if match is None or found is None:
        return 0
    if running:
        cpu.current = queued(found, line.number, None, found.task)
    else:
        cpu.prio = int(match[1]) if match[1] else cpu.prio
        current = cpu.current.task if cpu.current else None
        cpu.add(queued(found, line.number, cpu.prio, current))
    if not found.sound:
        notes.unfit(line)
    return found.used
