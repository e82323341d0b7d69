"""`log`: the kernel's own messages, oldest first.

Sample:
[   12.345678] BUG: unable to handle page fault for address: 0000000000001234
[   12.345680] [   T123] <4>with caller and level (log -c -m)
                        a continuation line is indented as wide as the prefix above it
"""

import re
from typing import Any

from vmtriage.errors import ParseError
from vmtriage.models.base import Note, NoteKind
from vmtriage.models.klog import KernelLog
from vmtriage.parsers._lines import Line, note_of, split_lines
from vmtriage.parsers.klog_line import prefix

COMMAND = "log"

_CUT = re.compile(r"(?:\.{3,}|…|[\[<(]\s*(?:\.{3,}|…|snip\w{0,4})\s*[\]>)])")
# crash(8) says WARNING too, but never these; INFO is the kernel's own.
_KERNELS = re.compile(
    r"(?:rcu: )?INFO: |WARNING: (?:CPU: |at |possible |inconsistent |suspicious |bad |\S+:\d+)"
)


def parse(text: str) -> KernelLog:
    """Every line as a record, and crash's own messages as notes; ParseError without records.

    Any text can be a kernel log, so no line is ever unknown.
    """
    records: list[dict[str, Any]] = []  # made into models all at once: twice as fast
    notes: list[Note] = []
    width = 0  # of the prefix that continuation lines are indented by; 0: none seen
    time: float | None = None
    level: int | None = None
    caller: str | None = None
    started = False  # crash's own warnings come before the first record
    for line in split_lines(text):
        number, raw = line
        found = prefix(raw)
        if found.time_s is not None or (found.known and raw[:1] != "<"):
            time, level, caller = found.time_s, found.level, found.caller
            width = found.end
            body = raw[width:]
        elif width and raw[:width].isspace() and len(raw) >= width:
            body = raw[width:]
        elif note := _note(line, started=started):
            notes.append(note)
            continue
        else:
            time, level, caller = None, found.level, None
            body = raw[found.end :]
        started = started or bool(body)
        records.append(
            {"text": body, "time_s": time, "level": level, "caller": caller, "line": number}
        )
    if not any(record["text"].strip() for record in records):
        first = notes[0] if notes else None
        raise ParseError(
            COMMAND,
            "no log record in it",
            first.line if first else 0,
            first.text[:200] if first else "",
        )
    return KernelLog.model_validate({"records": records, "notes": notes})


def _note(line: Line, *, started: bool) -> Note | None:
    """The note for a line without a prefix that is crash's, not the kernel's."""
    text = line.text.strip()
    if _CUT.fullmatch(text):
        return Note(kind=NoteKind.ELIDED, line=line.number, text=text)
    if started and not text.startswith("log: "):
        return None
    if not text or _KERNELS.match(text):
        return None
    note = note_of(line, COMMAND)
    return note if note and note.kind is not NoteKind.ELIDED else None
