"""What the parsers share: numbered lines, crash's own error lines, the task header, sizes.

Everything here is linear in the length of the text, and takes any text at all.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

from vmtriage.models.base import Note, NoteKind


class Line(NamedTuple):
    """One line of output without its line break. Numbers count from 1."""

    number: int
    text: str


class TaskHeader(NamedTuple):
    """`PID: 1  TASK: ffff...  CPU: 3  COMMAND: "comm"`; what was cut off is None.

    `start` is where `PID:` stands in its line, `rest` what follows the last quote, and
    `used` the number of lines the header took: more than 1 if the comm holds a line break.
    """

    pid: int
    task: str | None
    cpu: int | None
    comm: str | None
    start: int
    rest: str
    used: int = 1

    @property
    def complete(self) -> bool:
        """All of it was there up to the closing quote."""
        return self.comm is not None


_SURROGATES = re.compile("[\ud800-\udfff]")
_COMM_MAX = 16  # TASK_COMM_LEN, with its NUL

_HEADER = re.compile(
    r"PID:\s*(?P<pid>-?[0-9]{1,10})(?![0-9])"
    r"(?:\s+TASK:\s*(?:0x)?(?P<task>[0-9a-f]{1,16})(?![0-9a-f])"
    r"(?:\s+CPU:\s*(?P<cpu>[0-9]{1,6}|[?-])(?![0-9]))?"
    r'(?:\s+COMMAND:\s*(?P<comm>"?.*))?)?',
    re.DOTALL,
)

# "bt: text" is an error, "WARNING: text" and "bt: WARNING: text" (pager on) are warnings.
_WARNING = re.compile(r"(?:[\w.+-]{1,32}: )?(?:WARNING|NOTE|INFO): ?")
_ERROR_WORD = re.compile(r"([\w.+-]{1,32}): ?(?=\S|$)")
_STALE_DETAIL = re.compile(r"FILE: \S+  LINE: [0-9]+  FUNCTION: |\[\S*\] error trace: [0-9a-f]")
_ELIDED = re.compile(
    r"\.{3,}|…|\[\s*(?:\.{2,}|…)|[<\[({*=~-]*\s*(?:snip(?:ped)?\b|omitted\b|8<|>8)", re.I
)

_UNITS = {"B": 0, "K": 10, "KB": 10, "M": 20, "MB": 20, "G": 30, "GB": 30, "T": 40, "TB": 40}
_SIZE = re.compile(r"([0-9]{1,20})(?:\.([0-9]{1,9}))?(?:\s*([KMGT]?B|[KMGT]))?", re.ASCII)


def split_lines(text: str) -> list[Line]:
    """The lines of `text`, broken at \\n only: names may hold every other kind of break.

    Trailing \\r and what a `please wait...` message left on the line are taken away; a lone
    surrogate becomes U+FFFD, for it is no valid text in a model.
    """
    if not text.isascii():
        text = _SURROGATES.sub("\ufffd", text)
    lines = text.split("\n")
    if lines[-1] in ("", "\r"):
        lines.pop()
    if "\r" in text:
        lines = [_settle(line) for line in lines]
    return [Line(number, line) for number, line in enumerate(lines, 1)]


def _settle(line: str) -> str:
    """What stays on the screen of a line that went back to its start with \\r."""
    line = line.rstrip("\r")
    while "\r" in line:
        before, _, after = line.partition("\r")
        if before.strip() and not before.lstrip().startswith("please wait..."):
            break  # a \r inside data, such as a comm
        line = after
    return line


def note_of(line: Line, command: str) -> Note | None:
    """The note for a line that crash, or whoever pasted it, added to a command's output.

    Knows `<command>: text`, `crash: text`, WARNING/NOTE/INFO, stale-structure details and
    marks of elision. None: the line is something else.
    """
    text = line.text.strip()
    if not text:
        return None
    kind = _kind_of(text, command.split(" ", 1)[0])
    return Note(kind=kind, line=line.number, text=text) if kind else None


def _kind_of(text: str, command: str) -> NoteKind | None:
    if _WARNING.match(text):
        return NoteKind.WARNING
    word = _ERROR_WORD.match(text)
    if word and (word[1] in (command, "gdb", "foreach") or word[1].startswith("crash")):
        return NoteKind.ERROR
    if _STALE_DETAIL.match(text):
        return NoteKind.ERROR
    return NoteKind.ELIDED if _ELIDED.match(text) else None


def unknown(line: Line) -> Note:
    """The note for a line that no rule of a parser fits."""
    return Note(kind=NoteKind.UNKNOWN, line=line.number, text=line.text.strip())


def task_header(lines: Sequence[Line], index: int) -> TaskHeader | None:
    """The task header in lines[index], whatever stands before `PID:`; None if there is none.

    COMMAND reaches from the first quote to the last one, for the comm is printed raw; a line
    break in it is followed into the next lines as far as a comm can be long.
    """
    text = lines[index].text
    match = _HEADER.search(text)
    if match is None:
        return None
    comm, rest, used = None, text[match.end() :], 1
    if match["comm"] is not None:
        comm, rest, used = quoted(match["comm"], lines, index)
    cpu = match["cpu"]
    return TaskHeader(
        pid=int(match["pid"]),
        task=match["task"],
        cpu=int(cpu) if cpu and cpu.isdigit() else None,
        comm=comm,
        start=match.start(),
        rest=rest,
        used=used,
    )


def quoted(text: str, lines: Sequence[Line], index: int) -> tuple[str | None, str, int]:
    """The comm in `"comm"rest` at the end of lines[index], the rest, and the lines it took."""
    if not text.startswith('"'):
        return None, text, 1
    joined, here = text, None
    for used, line in enumerate(lines[index : index + _COMM_MAX], 1):
        joined = text if used == 1 else f"{joined}\n{line.text}"
        last = joined.rfind('"')
        if used > 1 and last > _COMM_MAX:
            break  # longer than a comm can be
        comm, rest = joined[1:last], joined[last + 1 :]
        if last > 0 and rest.strip() in ("", "[CURRENT]"):
            return comm, rest, used
        if used == 1 and last > 0:
            here = comm, rest, used
        if len(joined) > _COMM_MAX + len(" [CURRENT]  "):
            break
    return here or (None, text, 1)


def size_bytes(text: str) -> int | None:
    """Bytes in `255.9 GB`, `512 KB` or a bare `0`; 1 GB = 2**30. None: not a size."""
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        return None
    whole, tenths, unit = match.groups()
    scale = int("1" + "0" * len(tenths or ""))
    # Integers all the way: a float would not hold the bytes of a large machine exactly.
    return (int(whole + (tenths or "")) << _UNITS[unit or "B"]) // scale
