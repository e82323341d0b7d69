"""`set`, `set -p`, `set <pid>`: the context block, the task that crash looks at.

Sample:
    PID: 4802
COMMAND: "swift-object-au"
   TASK: ffff8e3ad2990000  (1 of 48)  [THREAD_INFO: ffff8e3ad2990000]
    CPU: 72
  STATE: TASK_RUNNING (PANIC)
"""

import re
from collections.abc import Sequence

from vmtriage.errors import ParseError
from vmtriage.models.system import PanicContext
from vmtriage.parsers._lines import Line, note_of, quoted, split_lines

COMMAND = "set"

_LABEL = re.compile(r"\s*(PID|COMMAND|TASK|CPU|STATE):[ \t]*(.*)", re.DOTALL)
_PID = re.compile(r"(-?[0-9]{1,10})\s*")
_TASK = re.compile(
    r"(?:0x)?([0-9a-f]{1,16})(?:\s+\(1 of ([0-9]{1,7})\))?"
    r"(?:\s+\[THREAD_INFO: (?:0x)?([0-9a-f]{1,16})\])?\s*"
)
_CPU = re.compile(r"([0-9]{1,6}|[?-])\s*")
_STATE = re.compile(r"([^\s(][^(]*?)?\s*(?:\(([A-Z][A-Z ]*)\))?\s*")


class ContextReader:
    """Collects the block's lines, wherever it stands; `done` gives the model."""

    def __init__(self) -> None:
        self.line = 0
        self._pid: int | None = None
        self._comm: str | None = None
        self._task: tuple[str, str | None, str | None] | None = None
        self._cpu: str | None = None
        self._state: tuple[str, str | None] | None = None

    def take(self, lines: Sequence[Line], index: int) -> int:
        """How many lines from `index` belong to the block; 0 if this one does not."""
        found = _LABEL.fullmatch(lines[index].text)
        if found is None:
            return 0
        label, value = found[1], found[2]
        if label == "PID" and self._pid is None and (match := _PID.fullmatch(value)):
            self._pid, self.line = int(match[1]), lines[index].number
        elif label == "COMMAND" and self._comm is None:
            comm, rest, used = quoted(value, lines, index)
            if comm is None or rest.strip():
                return 0
            self._comm = comm
            return used
        elif label == "TASK" and self._task is None and (match := _TASK.fullmatch(value)):
            self._task = match[1], match[2], match[3]
        elif label == "CPU" and self._cpu is None and (match := _CPU.fullmatch(value)):
            self._cpu = match[1]
        elif label == "STATE" and self._state is None and (match := _STATE.fullmatch(value)):
            self._state = match[1] or "", match[2]
        else:
            return 0
        return 1

    def done(self) -> PanicContext | None:
        """The context; None when pid, comm or task are missing. A missing state is ""."""
        if self._pid is None or self._comm is None or self._task is None:
            return None
        task, shared_by, thread_info = self._task
        state, activity = self._state or ("", None)
        return PanicContext(
            pid=self._pid,
            comm=self._comm,
            task=task,
            thread_info=thread_info,
            cpu=int(self._cpu) if self._cpu and self._cpu.isdigit() else None,
            state=state,
            activity=activity,
            shared_by=int(shared_by) if shared_by else None,
            line=self.line,
        )


def parse(text: str) -> PanicContext:
    """The context block in the output; ParseError if it is not there or was cut."""
    lines, reader, index = split_lines(text), ContextReader(), 0
    said: Line | None = None
    while index < len(lines):
        used = reader.take(lines, index)
        if not used and said is None and note_of(lines[index], COMMAND):
            said = lines[index]
        index += used or 1
    context = reader.done()
    if context is None:
        number, words = (said.number, said.text.strip()[:200]) if said else (0, "")
        raise ParseError(COMMAND, "no complete context block in it", number, words)
    return context
