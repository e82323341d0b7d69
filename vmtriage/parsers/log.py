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

COMMAND = "log"

_LEVEL = r"(?:<([0-7]|[0-9a-f]{2})>)?"
_STAMP = r"\[(?:\s*([0-9]{1,12}\.[0-9]{1,9})|[A-Z][a-z]{2} [A-Z][a-z]{2} [ 0-9]{1,2}[^]]{8,40})\] ?"
_PREFIX = re.compile(rf"{_LEVEL}{_STAMP}(?:\[\s*([TC][0-9]{{1,10}})\] ?)?{_LEVEL}")
_BARE_LEVEL = re.compile(r"<([0-7])>")
# What syslog puts before the line when the log was taken from there.
_SYSLOG = re.compile(
    r"(?:[A-Z][a-z]{2} [ 0-9]{1,2} [0-9:]{8}|[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.+Z-]{8,24}) "
    r"\S{1,255} ?kernel: "
)
_CUT = re.compile(r"(?:\.{3,}|…|[\[<(]\s*(?:\.{3,}|…|snip\w{0,4})\s*[\]>)])")
_KERNEL_WARNING = re.compile(r"WARNING: (?:CPU: |at |possible |inconsistent |suspicious |bad )")


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
        found = _PREFIX.match(raw)
        if found is None and (prefix := _SYSLOG.match(raw)):
            raw = raw[prefix.end() :]
            found = _PREFIX.match(raw)
        if found:
            before, stamp, caller, after = found.groups()
            time, level = float(stamp) if stamp else None, _level(before or after)
            width = found.end()
            body = raw[width:]
        elif width and raw[:width].isspace() and len(raw) >= width:
            body = raw[width:]
        elif note := _note(line, started=started):
            notes.append(note)
            continue
        else:
            time = level = caller = None
            bare = _BARE_LEVEL.match(raw)
            level = int(bare[1]) if bare else None
            body = raw[3:] if bare else raw
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


def _level(text: str | None) -> int | None:
    """0-7; None for the raw flags byte that old crash printed instead."""
    return int(text) if text and len(text) == 1 else None


def _note(line: Line, *, started: bool) -> Note | None:
    """The note for a line without a prefix that is crash's, not the kernel's."""
    text = line.text.strip()
    if _CUT.fullmatch(text):
        return Note(kind=NoteKind.ELIDED, line=line.number, text=text)
    if started and not text.startswith("log: "):
        return None
    if not text or _KERNEL_WARNING.match(text):
        return None
    note = note_of(line, COMMAND)
    return note if note and note.kind is not NoteKind.ELIDED else None
