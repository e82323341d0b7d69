"""Undoes what mailers, tickets and web pages do to crash's lines."""

import re
from collections.abc import Callable
from itertools import pairwise

from vmtriage.parsers.sys import LABEL as SYS_LABEL

_HEX = r"(?:0x)?[0-9a-f]{1,16}"

_LONGEST = 400  # no line of crash that can be wrapped is longer

# bt: how a line ends that was cut, and how its other half begins.
_BT_JOINS = (
    (re.compile(r"\s*#[0-9]+ +\[[^]]*\].* at\s*"), re.compile(rf"\s*{_HEX}(?:\s.*)?")),
    (re.compile(r"\s*#[0-9]+ +\[[^]]*\]\s*"), re.compile(rf"\s*\S.* at {_HEX}.*")),
    (re.compile(r"\s*#[0-9]+ +\[[^]]*\] \S+\s*"), re.compile(rf"\s*at {_HEX}.*")),
    (
        re.compile(rf"\s*#[0-9]+ +\[[^]]*\] .* at {_HEX}\s*"),
        re.compile(r"\s*(?:\[[\w.-]+\](?:\s.*)?|\(unreliable\)\s*)"),
    ),
    (re.compile(r"\s+[A-Z].*[A-Z0-9]:\s*"), re.compile(r"\s*[0-9a-f]{4,16}(?:\s.*)?")),
    (re.compile(r"\s*\[exception [A-Z]+:[^]]*"), re.compile(r"\s*[^#\s][^#]*\]\s*")),
)
_HEADER_CUT = re.compile(
    r"[^\"]*PID:(?:\s*[0-9]+(?:\s+TASK:(?:\s*[0-9a-f]+(?:\s+CPU:(?:\s*[0-9?]+)?)?"
    r"(?:\s+COMMAND:)?)?)?)?\s*"
)
_HEADER_REST = re.compile(r"\s*(?:TASK:|CPU:|COMMAND:|[0-9a-f]+(?:\s.*)?$|\"[^\"]+\")")

# The pieces of a `runq -g` whose line breaks were lost, in one pass; a comm is no piece.
_PIECE = re.compile(
    r'COMMAND: "[^"]{0,15}"(?: \[CURRENT\])?|'
    r"(?P<break>CPU [0-9]{1,5}(?: \[OFFLINE\])?(?=\s+CURRENT:)|CURRENT: |"
    r"(?:ROOT|INIT)_TASK_GROUP: |(?:\[ {0,2}[0-9]{1,3}\] )?TASK_GROUP: |"
    r"\[ {0,2}[0-9]{1,3}\] PID: |\[no tasks queued\]|\.{3,})"
)
_GROUP = re.compile(rf"(?:\[ {{0,2}}[0-9]{{1,3}}\] )?TASK_GROUP: ({_HEX})")


def unwrap_lines(name: str, lines: list[str]) -> list[str]:
    """The lines of one output as crash printed them; `name` is the parser's."""
    if name == "runq -g":
        lines = _headers(lines)
        return _nested(_rebroken(lines)) if _layout_lost(lines) else lines
    if name in ("bt", "bt -a"):
        return _joined(_headers(lines), _bt_continues)
    if name == "sys":
        return _sys(lines)
    return _headers(lines) if name in ("runq", "runq -t", "ps -m") else lines


def _joined(lines: list[str], continues: Callable[[str, str], bool]) -> list[str]:
    whole: list[str] = []
    for line in lines:
        short = whole and len(whole[-1]) + len(line) < _LONGEST
        if short and line.strip() and continues(whole[-1], line):
            whole[-1] = f"{whole[-1].rstrip()} {line.strip()}"
        else:
            whole.append(line)
    return whole


def _bt_continues(above: str, line: str) -> bool:
    return any(end.fullmatch(above) and rest.fullmatch(line) for end, rest in _BT_JOINS)


def _headers(lines: list[str]) -> list[str]:
    """With task headers on one line each."""
    return _joined(
        lines,
        lambda above, line: bool(
            "PID:" in above and _HEADER_CUT.fullmatch(above) and _HEADER_REST.match(line)
        ),
    )


def _sys(lines: list[str]) -> list[str]:
    """Joins the second half of a labelled line: one that stands alone between two labels."""
    whole: list[str] = []
    for index, line in enumerate(lines):
        below = lines[index + 1] if index + 1 < len(lines) else ""
        cut = bool(whole and _open_panic(whole[-1]))
        inside = bool(
            whole
            and SYS_LABEL.fullmatch(whole[-1])
            and "DUMPFILES:" not in whole[-1]
            and SYS_LABEL.fullmatch(below)
        )
        plain = line.strip() and not SYS_LABEL.fullmatch(line) and ": " not in line[:40]
        if plain and (cut or inside):
            whole[-1] = f"{whole[-1].rstrip()} {line.strip()}"
        else:
            whole.append(line)
    return whole


def _open_panic(line: str) -> bool:
    """A PANIC line whose quotes, or whose note about the log, are not closed yet."""
    found = SYS_LABEL.fullmatch(line)
    value = (found[2] or "").strip() if found and found[1] == "PANIC" else ""
    if not value.startswith('"'):
        return False
    return not value.endswith(('"', ")")) or len(value) == 1


def _layout_lost(lines: list[str]) -> bool:
    """Whether indentation and line breaks are gone: crash indents every CURRENT and group line.

    One such line proves the layout: a cgroup may be named like a piece of the output.
    """
    starts = [_PIECE.match(line.lstrip()) for line in lines]
    known = [(line, start) for line, start in zip(lines, starts, strict=True) if start]
    indented = any(
        line[:1].isspace() for line, start in known if not start[0].startswith(("CPU", "."))
    )
    return bool(known) and not indented


def _pieces(line: str) -> list[str]:
    cuts = [found.start() for found in _PIECE.finditer(line) if found["break"]]
    edges = sorted({0, *cuts, len(line)})
    return [piece for start, end in pairwise(edges) if (piece := line[start:end].strip())]


def _rebroken(lines: list[str]) -> list[str]:
    return [piece for line in lines for piece in _pieces(line)]


def _nested(pieces: list[str]) -> list[str]:
    """Gives flat pieces the indentation of crash.

    A TASK_GROUP straight after another is its child: crash prints no line between them. One
    after a task is placed where the same group was seen on another CPU, else below the root.
    """
    parents = _parents(pieces)
    chain: list[str] = []  # the groups that are open, outermost first
    above, width, lines = "", 3, []
    for piece in pieces:
        found = _GROUP.match(piece)
        if found:
            if not _GROUP.match(above):
                parent = parents.get(found[1])
                chain = chain[: chain.index(parent) + 1] if parent in chain else []
            chain.append(found[1])
            column = (2 if width == 3 else 5) + width * (
                len(chain) if width == 3 else len(chain) - 1
            )
        elif piece.startswith(("ROOT_", "INIT_")):
            chain, column = [], 2
            width = 6 if "RT_RQ:" in piece else 3  # RT groups are indented twice as deep
        elif piece.startswith("CURRENT:"):
            column = 2
        elif piece.startswith(("[", "PID:")):
            column = 5 + width * len(chain)
        else:
            chain, column = [], 0
        lines.append(" " * column + piece)
        above = piece
    return lines


def _parents(pieces: list[str]) -> dict[str, str]:
    """Each group's parent, from the places where it stands straight below it."""
    parents: dict[str, str] = {}
    above: re.Match[str] | None = None
    for piece in pieces:
        found = _GROUP.match(piece)
        if found and above:
            parents.setdefault(found[1], above[1])
        above = found
    return parents
