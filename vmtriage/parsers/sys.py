"""`sys`: the machine, the dump and the panic message; also crash's start-up text as a whole.

Sample (labels may be indented or not; the context block of `set` can follow):
      KERNEL: /usr/lib/debug/boot/vmlinux-6.1.0-56  [TAINTED]
    DUMPFILE: vmcore  [PARTIAL DUMP]
        CPUS: 4 [OFFLINE: 3]
      UPTIME: 15 days, 18:17:54
      MEMORY: 255.9 GB
       PANIC: "Oops: 0002 [#1] SMP" (check log for details)
"""

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from vmtriage.errors import ParseError
from vmtriage.models.base import Note
from vmtriage.models.system import SystemInfo
from vmtriage.parsers._lines import Line, note_of, size_bytes, split_lines, unknown
from vmtriage.parsers.context import ContextReader

COMMAND = "sys"

LABEL = re.compile(
    r"\s*(SYSTEM MAP|DEBUG KERNEL|KERNEL|DEBUGINFO|DUMPFILES?|MAPFILE|CPUS|DATE|UPTIME|"
    r"LOAD AVERAGE|TASKS|NODENAME|RELEASE|VERSION|MACHINE|MEMORY|PANIC):(?:\s+(.*)|$)",
    re.DOTALL,
)

_TAG = re.compile(r"\s+\[([A-Z][A-Z ]{2,30})\]$")
_DEBUG_KERNEL = re.compile(r"(\S+)(?:\s+\(.*\))?")
_CPUS = re.compile(r"([0-9]{1,6})(?:\s+\[OFFLINE: ([0-9]{1,6})\])?")
_DATE = re.compile(
    r"[A-Z][a-z]{2} ([A-Z][a-z]{2}) {1,2}([0-9]{1,2}) ([0-9]{2}):([0-9]{2}):([0-9]{2}) "
    r"(?:UTC|GMT) ([0-9]{4})"
)
_MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
_UPTIME = re.compile(r"(?:([0-9]{1,7}) days?, )?([0-9]{1,5}):([0-9]{2}):([0-9]{2})")
_LOAD = re.compile(
    r"([0-9]{1,9}\.[0-9]{1,3}),\s*([0-9]{1,9}\.[0-9]{1,3}),\s*([0-9]{1,9}\.[0-9]{1,3})"
)
_MACHINE = re.compile(r"(\S+)(?:\s+\((?:([0-9]{1,9})|unknown) Mhz\))?")
_CHECK_LOG = "(check log for details)"
_PANIC_LINES = 4  # crash prints one; a terminal or a mailer may have made more of it

# The text before the sys block that says nothing about the dump: crash's and gdb's own.
_BANNER = re.compile(
    r"crash [0-9]\S*$|Copyright \(C\) |This program |Enter \"help copying\"|GNU gdb |License GPL|"
    r"This is free software|There is NO WARRANTY|Type \"|This GDB was |Find the GDB manual|"
    r"For bug reporting|For help, type|<https?://|and you are welcome|"
    r"and \"show warranty\"|under certain conditions|"
    r"certain conditions|the conditions\.|please wait\.\.\.|\S*[#$] crash\b"
)


def parse(text: str) -> SystemInfo:
    """What the output says of the machine; ParseError if no line of it is a sys line."""
    return _Reader(split_lines(text)).read()


class _Reader:
    def __init__(self, lines: Sequence[Line]) -> None:
        self.lines = lines
        self.facts: dict[str, Any] = {}
        self.notes: list[Note] = []
        self.context = ContextReader()
        self.context_lines: list[Line] = []
        self.seen: set[str] = set()
        self.label = ""  # of the line before: DUMPFILES goes on over several lines

    def read(self) -> SystemInfo:
        index = 0
        while index < len(self.lines):
            index += self._take(index)
        context = self.context.done()
        if not self.seen and context is None:
            first = self.notes[0] if self.notes else None
            raise ParseError(
                COMMAND,
                "no line of the sys block in it",
                first.line if first else 0,
                first.text[:200] if first else "",
            )
        if context is None:  # cut: too little of it to be a fact
            self.notes += map(unknown, self.context_lines)
        return SystemInfo(
            **self.facts,
            context=context,
            notes=tuple(sorted(self.notes, key=lambda note: note.line)),
        )

    def _take(self, index: int) -> int:
        """Read the fact that starts at lines[index]; how many lines it took."""
        line = self.lines[index]
        found = LABEL.fullmatch(line.text)
        if found is None:
            return self._unlabelled(index)
        label, value = found[1], (found[2] or "").strip()
        if label in self.seen:  # a second block: the first one counts
            self.notes.append(unknown(line))
            return 1
        self.seen.add(label)
        self.label, used = label, 1
        if label == "PANIC":
            value, used = self._joined(value, index)
        if not _READERS[label](self.facts, value):
            self.notes.append(unknown(line))
        if label in ("PANIC", "RELEASE"):
            self.facts[f"{label.lower()}_line"] = line.number
        return used

    def _unlabelled(self, index: int) -> int:
        line = self.lines[index]
        if not line.text.strip():
            return 1
        if used := self.context.take(self.lines, index):
            self.context_lines += self.lines[index : index + used]
            self.label = ""
            return used
        if note := note_of(line, COMMAND):
            self.notes.append(note)
        elif self.label == "DUMPFILES" and line.text[:1].isspace():
            _dumpfile(self.facts, line.text.strip())
        elif not _BANNER.match(line.text.strip()) or self.seen:
            self.notes.append(unknown(line))
        return 1

    def _joined(self, value: str, index: int) -> tuple[str, int]:
        """The panic text, put together again if it was wrapped."""
        if not value.startswith('"') or _closed(value):
            return value, 1
        joined = value
        for used, line in enumerate(self.lines[index + 1 : index + _PANIC_LINES], 2):
            if not line.text.strip() or LABEL.fullmatch(line.text):
                break
            joined += " " + line.text.strip()
            if _closed(joined):
                return joined, used
        return value, 1


def _closed(value: str) -> bool:
    return len(value) > 1 and value.removesuffix(_CHECK_LOG).rstrip().endswith('"')


def _tags(value: str) -> tuple[str, tuple[str, ...]]:
    """A path and the [TAGS] behind it."""
    tags: list[str] = []
    while found := _TAG.search(value[-40:]):
        tags.insert(0, found[1])
        value = value[: len(value) - len(found[0])].rstrip()
    return value, tuple(tags)


def _kernel(facts: dict[str, Any], value: str) -> bool:
    facts["kernel"], facts["kernel_tags"] = _tags(value)
    return bool(value)


def _debuginfo(facts: dict[str, Any], value: str) -> bool:
    facts["debuginfo"] = value
    return bool(value)


def _debug_kernel(facts: dict[str, Any], value: str) -> bool:
    path, tags = _tags(value)
    found = _DEBUG_KERNEL.fullmatch(path)
    facts["debuginfo"] = found[1] if found else path
    facts["kernel_tags"] = facts.get("kernel_tags", ()) + tags
    return bool(value)


def _dumpfile(facts: dict[str, Any], value: str) -> bool:
    path, tags = _tags(value)
    known = facts.get("dump_tags", ())
    facts["dumpfiles"] = (*facts.get("dumpfiles", ()), path)
    facts["dump_tags"] = known + tuple(tag for tag in tags if tag not in known)
    return bool(path)


def _cpus(facts: dict[str, Any], value: str) -> bool:
    found = _CPUS.fullmatch(value)
    if found:
        facts["cpus"] = int(found[1])
        facts["cpus_offline"] = int(found[2]) if found[2] else None
    return bool(found)


def _date(facts: dict[str, Any], value: str) -> bool:
    facts["date"], facts["time"] = value, _utc(value)
    return bool(value)


def _utc(value: str) -> datetime | None:
    found = _DATE.fullmatch(value)
    try:
        if found and found[1] in _MONTHS:
            day, hour, minute, second, year = map(int, found.groups()[1:])
            month = _MONTHS.index(found[1]) + 1
            return datetime(year, month, day, hour, minute, second, tzinfo=UTC)
        if value.isascii() and value.isdigit() and len(value) < 12:  # no calendar: raw seconds
            return datetime.fromtimestamp(int(value), UTC)
    except (ValueError, OverflowError, OSError):
        return None
    return None


def _uptime(facts: dict[str, Any], value: str) -> bool:
    facts["uptime"] = value
    if found := _UPTIME.fullmatch(value):
        days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
        facts["uptime_s"] = ((days * 24 + hours) * 60 + minutes) * 60 + seconds
    return bool(found) or value.startswith("(")  # (cannot calculate: unknown HZ value)


def _load(facts: dict[str, Any], value: str) -> bool:
    found = _LOAD.fullmatch(value)
    if found:
        facts["load_average"] = tuple(map(float, found.groups()))
    return bool(found)


def _tasks(facts: dict[str, Any], value: str) -> bool:
    known = value.isascii() and value.isdigit() and len(value) < 12
    if known:
        facts["tasks"] = int(value)
    return known


def _machine(facts: dict[str, Any], value: str) -> bool:
    found = _MACHINE.fullmatch(value)
    facts["machine"] = found[1] if found else value or None
    facts["mhz"] = int(found[2]) if found and found[2] else None
    return bool(found)


def _memory(facts: dict[str, Any], value: str) -> bool:
    facts["memory_text"], facts["memory"] = value, size_bytes(value)
    return facts["memory"] is not None


def _panic(facts: dict[str, Any], value: str) -> bool:
    """`"text"`, `"text" (check log for details)`, or a bare `(HARDWARE RESET)`."""
    text = value.removesuffix(_CHECK_LOG).rstrip()
    facts["panic_check_log"] = text != value
    whole = _closed(value)
    facts["panic"] = text[1:-1] if whole else text.removeprefix('"')
    return whole or not value.startswith('"')


def _word(name: str) -> Callable[[dict[str, Any], str], bool]:
    def read(facts: dict[str, Any], value: str) -> bool:
        facts[name] = value
        return bool(value)

    return read


def _ignored(_facts: dict[str, Any], value: str) -> bool:
    """A file crash was given beside the kernel and the dump: no fact about the crash."""
    return bool(value)


_READERS: dict[str, Callable[[dict[str, Any], str], bool]] = {
    "SYSTEM MAP": _ignored,
    "MAPFILE": _ignored,
    "KERNEL": _kernel,
    "DEBUGINFO": _debuginfo,
    "DEBUG KERNEL": _debug_kernel,
    "DUMPFILE": _dumpfile,
    "DUMPFILES": _dumpfile,
    "CPUS": _cpus,
    "DATE": _date,
    "UPTIME": _uptime,
    "LOAD AVERAGE": _load,
    "TASKS": _tasks,
    "NODENAME": _word("nodename"),
    "RELEASE": _word("release"),
    "VERSION": _word("version"),
    "MACHINE": _machine,
    "MEMORY": _memory,
    "PANIC": _panic,
}
