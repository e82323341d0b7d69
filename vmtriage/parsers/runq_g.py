"""`runq -g`: the tree of task groups on each CPU, with the mark of throttled groups.

crash prints one path component per group; the nesting is in the indentation alone, so paths are
rebuilt from it, relative to the group above (pasted text is indented further). Without
CONFIG_RT_GROUP_SCHED there is no RT part. When a dequeued RT group is nested, crash prints its
ancestors in the CFS form inside the RT part: they are kept as printed, kind "cfs".

A cgroup's name may hold nearly anything: it runs from the first `<` to the last `>` of its line.
A CPU header without a body, as an aborted command leaves it, is noted as elided.

Sample::

    CPU 1
      CURRENT: PID: 0      TASK: ffff89cf012720c0  COMMAND: "swapper/1"
      ROOT_TASK_GROUP: ffffffffbb6f1f00  RT_RQ: ffff89cf1f0b1b80
         [no tasks queued]
      ROOT_TASK_GROUP: ffffffffbb6f1f00  CFS_RQ: ffff89cf1f0b1a00
         TASK_GROUP: ffff89cf1ff22080  CFS_RQ: ffff89cf019d1400  <batch>
            TASK_GROUP: ffff89cf1ff23c00  CFS_RQ: ffff89cf01357c00  <job_01> (THROTTLED)
               [120] PID: 128    TASK: ffff89cf01a5a0c0  COMMAND: "python"
"""

import re
from dataclasses import dataclass

from vmtriage.models.runqueue import GroupRunQueue, GroupRunQueues, QueuedTask
from vmtriage.parsers._groups import Forest, Kind, read_header
from vmtriage.parsers._lines import Line, split_lines
from vmtriage.parsers._notes import Notes, indent_of
from vmtriage.parsers._queued import queued, read_task

COMMAND = "runq -g"

_CPU = re.compile(r"\s*CPU +([0-9]{1,6})(?: +(\[OFFLINE\]))?\s*")
_CURRENT = re.compile(r"\s*CURRENT: *")
_ROOT = re.compile(
    r"\s*(?:ROOT|INIT)_TASK_GROUP: *([0-9a-f]{1,16}) +(CFS|RT)_RQ: *([0-9a-f]{1,16})\s*"
)
_TASK = re.compile(r"\s*\[ *([0-9]{1,4})\] +(?=PID:)")
_NESTED = re.compile(r"\s*(?:\[ *[0-9]{1,4}\] +)?(?:TASK_GROUP:|PID:)")
_EMPTY = re.compile(r"\s*\[no tasks queued\]\s*")


@dataclass
class _Cpu:
    cpu: int
    offline: bool
    header: Line
    forest: Forest
    current: QueuedTask | None = None

    def done(self) -> GroupRunQueue:
        """The finished fact."""
        return GroupRunQueue(
            cpu=self.cpu,
            offline=self.offline,
            current=self.current,
            groups=self.forest.done(),
            line=self.header.number,
        )


def parse(text: str) -> GroupRunQueues:
    """Read the output of `runq -g`, of all CPUs or of those given with -c."""
    lines, notes = split_lines(text), Notes(COMMAND)
    flat = _is_flat(lines)
    cpus: list[_Cpu] = []
    index = 0
    while index < len(lines):
        if header := _CPU.fullmatch(lines[index].text):
            cpus.append(_Cpu(int(header[1]), header[2] is not None, lines[index], Forest(flat)))
            index += 1
        else:
            index += _line(lines, index, cpus[-1] if cpus else None, notes)
    if not cpus:
        notes.fail("`CPU n` line")
    queues = tuple(cpu.done() for cpu in cpus)
    bare = zip(cpus, queues, strict=True)
    notes.bare(cpu.header for cpu, queue in bare if not (queue.groups or queue.offline))
    return GroupRunQueues(run_queues=queues, notes=notes.all())


def _is_flat(lines: list[Line]) -> bool:
    """Tell whether the indentation was lost: nothing stands deeper than the root groups."""
    roots = [indent_of(line.text) for line in lines if _ROOT.match(line.text)]
    nested = [indent_of(line.text) for line in lines if _NESTED.match(line.text)]
    return bool(roots and nested) and max(nested) <= max(roots)


def _line(lines: list[Line], index: int, cpu: _Cpu | None, notes: Notes) -> int:
    """Take one line below a CPU header; return how many lines it took."""
    line = lines[index]
    used = _fact(lines, index, cpu, notes) if cpu is not None else 0
    if not used:
        notes.unfit(line)
    return used or 1


def _fact(lines: list[Line], index: int, cpu: _Cpu, notes: Notes) -> int:
    """Add the fact in this line to its CPU; return how many lines it took, 0 if it is none."""
    line = lines[index]
    if root := _ROOT.fullmatch(line.text):
        kind: Kind = "cfs" if root[2] == "CFS" else "rt"
        cpu.forest.root(indent_of(line.text), kind, root[1], root[3], line.number)
        return 1
    if header := read_header(lines, index):
        placed = cpu.forest.group(indent_of(line.text), header, line.number)
        if not (placed and header.sound):
            notes.unfit(line)
        return header.used
    if _EMPTY.fullmatch(line.text):
        return int(cpu.forest.empty())
    task = _TASK.match(line.text)
    match = task or _CURRENT.match(line.text)
    found = read_task(lines, index, match.end()) if match else None
    if found is None:
        return 0
    if task is None:
        cpu.current = queued(found, line.number, None, found.task)
        kept = True
    else:
        running = cpu.current.task if cpu.current else None
        waiting = queued(found, line.number, int(task[1]), running)
        kept = cpu.forest.task(indent_of(line.text), waiting)
    if not (kept and found.sound):
        notes.unfit(line)
    return found.used
