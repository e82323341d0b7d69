"""`runq -t`: how far each CPU's run queue clock has come, and when its task last got the CPU.

Stamps are nanoseconds, decimal by default, hexadecimal where crash runs with radix 16 and in old
transcripts. They are read as hexadecimal when any stamp of the output has a letter a-f, or when
the clock of a CPU (the upper stamp, never padded in decimal) starts with a zero.

Sample::

     CPU 0: 11109346904
            11109340012  PID: 812    TASK: ffff89cf012720c0  COMMAND: "stress"
     CPU 1: [OFFLINE]
"""

import re
from dataclasses import dataclass

from vmtriage.models.runqueue import ClockStamp, ClockStamps, QueuedTask
from vmtriage.parsers._lines import split_lines
from vmtriage.parsers._notes import Notes
from vmtriage.parsers._queued import queued, read_task

COMMAND = "runq -t"

_CPU = re.compile(r"\s*CPU +([0-9]{1,6}): *(?:([0-9a-f]{1,20})|(\[OFFLINE\]))\s*")
_TASK = re.compile(r"\s*([0-9a-f]{1,20}) +(?=PID:)")


@dataclass
class _Stamp:
    cpu: int
    line: int
    clock: str | None
    offline: bool
    last_run: str | None = None
    current: QueuedTask | None = None

    def done(self, radix: int) -> ClockStamp:
        """The finished fact, once the radix of the whole output is known."""
        return ClockStamp(
            cpu=self.cpu,
            offline=self.offline,
            clock_ns=_number(self.clock, radix),
            last_run_ns=_number(self.last_run, radix),
            current=self.current,
            line=self.line,
        )


def parse(text: str) -> ClockStamps:
    """Read the output of `runq -t`, of all CPUs or of those given with -c."""
    lines, notes = split_lines(text), Notes(COMMAND)
    stamps: list[_Stamp] = []
    index = 0
    while index < len(lines):
        line = lines[index]
        index += 1
        if header := _CPU.fullmatch(line.text):
            cpu, clock, offline = header.groups()
            stamps.append(_Stamp(int(cpu), line.number, clock, offline is not None))
        elif (
            stamps
            and stamps[-1].current is None
            and (match := _TASK.match(line.text))
            and (found := read_task(lines, index - 1, match.end()))
        ):
            stamps[-1].last_run = match[1]
            stamps[-1].current = queued(found, line.number, None, found.task)
            if not found.sound:
                notes.unfit(line)
            index += found.used - 1
        else:
            notes.unfit(line)
    if not stamps:
        notes.fail("`CPU n: stamp` line")
    radix = _radix(stamps)
    return ClockStamps(stamps=tuple(stamp.done(radix) for stamp in stamps), notes=notes.all())


def _radix(stamps: list[_Stamp]) -> int:
    clocks = [stamp.clock for stamp in stamps if stamp.clock]
    every = clocks + [stamp.last_run for stamp in stamps if stamp.last_run]
    padded = any(len(clock) > 1 and clock[0] == "0" for clock in clocks)
    return 16 if padded or not all(stamp.isdecimal() for stamp in every) else 10


def _number(stamp: str | None, radix: int) -> int | None:
    return None if stamp is None else int(stamp, radix)
