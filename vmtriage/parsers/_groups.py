"""The tree of task groups under one ROOT_TASK_GROUP line, rebuilt from the indentation."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from vmtriage.models.runqueue import QueuedTask, TaskGroup
from vmtriage.parsers._lines import Line

Kind = Literal["cfs", "rt"]

_HEADER = re.compile(
    r"\s*(?:\[ *[0-9]{1,4}\] +)?TASK_GROUP: *([0-9a-f]{1,16}) +(CFS|RT)_RQ: *([0-9a-f]{1,16})(?!\S)"
)
# A line that starts something else: a name that was cut must not swallow it.
_STRUCTURE = re.compile(r"TASK_GROUP: *[0-9a-f]|PID: *[0-9]+ +TASK:|CURRENT: ")
_THROTTLED = " (THROTTLED)"
_MAX_NAME = 255  # NAME_MAX, in bytes
MAX_DEPTH = 64  # deeper groups hang on the last level; JSON readers give up on deeper nesting


class GroupHeader(NamedTuple):
    """`used`: how many lines the header takes. `sound` is False when the name was cut."""

    task_group: str
    kind: Kind
    rq: str
    name: str | None
    throttled: bool
    used: int
    sound: bool


def read_header(lines: Sequence[Line], index: int) -> GroupHeader | None:
    """Read a TASK_GROUP line, and the lines after it when the name holds newlines."""
    match = _HEADER.match(lines[index].text)
    if match is None:
        return None
    kind: Kind = "cfs" if match[2] == "CFS" else "rt"
    rest, used = lines[index].text[match.end() :], 1
    named = _name(rest)
    while named is None and "<" in rest and index + used < len(lines):
        following = lines[index + used].text
        if len(rest) > _MAX_NAME + len(_THROTTLED) or _STRUCTURE.search(following):
            break
        rest, used = f"{rest}\n{following}", used + 1
        named = _name(rest)
    if named is None:
        return GroupHeader(match[1], kind, match[3], None, False, 1, False)
    return GroupHeader(match[1], kind, match[3], *named, used, True)


def _name(rest: str) -> tuple[str | None, bool] | None:
    """Split ` <name> (THROTTLED)`: from the first `<` to the last `>`. None: it does not fit."""
    text = f" {rest.strip(' ')}"
    if text == " ":
        return None, False
    throttled = text.endswith(_THROTTLED)
    text = text.removesuffix(_THROTTLED).strip(" ") if throttled else text[1:]
    if not text:
        return None, True
    if text[0] == "<" and text[-1] == ">" and len(text) > 1:
        return text[1:-1], throttled
    return None


@dataclass
class _Open:
    """A group whose tasks and children are still being read."""

    indent: int
    kind: Kind
    task_group: str
    rq: str
    name: str | None
    path: str
    throttled: bool
    line: int
    tasks: list[QueuedTask] = field(default_factory=list)
    children: list[TaskGroup] = field(default_factory=list)

    def done(self) -> TaskGroup:
        """The finished fact."""
        return TaskGroup(
            kind=self.kind,
            task_group=self.task_group,
            cfs_rq=self.rq if self.kind == "cfs" else None,
            rt_rq=self.rq if self.kind == "rt" else None,
            name=self.name,
            path=self.path,
            throttled=self.throttled,
            tasks=tuple(self.tasks),
            children=tuple(self.children),
            line=self.line,
        )


class Forest:
    """The groups of one CPU. A group belongs to the nearest one above that is indented less.

    `flat` text has lost its indentation: then a header right below a header is its child, and any
    other header below a header's tasks has no place that could be known.
    """

    def __init__(self, flat: bool) -> None:
        self.groups: list[TaskGroup] = []
        self._flat = flat
        self._open: list[_Open] = []
        self._after_header = False

    def root(self, indent: int, kind: Kind, task_group: str, rq: str, line: int) -> None:
        """Open a ROOT_TASK_GROUP."""
        self._close_to(-1)
        self._open.append(_Open(indent, kind, task_group, rq, None, "/", False, line))
        self._after_header = True

    def group(self, indent: int, header: GroupHeader, line: int) -> bool:
        """Open a group; False when its place in the tree is a guess."""
        sure = True
        if self._flat:
            sure = self._after_header or len(self._open) == 1
            base = self._open[-1 if sure else 0].indent if self._open else 0
            indent = base + 1
        self._close_to(indent)
        sure = sure and bool(self._open)
        above = self._open[-1].path if self._open else "/"
        name = "(unnamed)" if header.name is None else header.name
        path = above if name == "/" else f"{above.rstrip('/')}/{name}"
        self._open.append(
            _Open(
                indent,
                header.kind,
                header.task_group,
                header.rq,
                header.name,
                path,
                header.throttled,
                line,
            )
        )
        self._after_header = True
        return sure and len(self._open) <= MAX_DEPTH

    def task(self, indent: int, task: QueuedTask) -> bool:
        """File a task under its group; False when there is none."""
        if not self._flat:
            self._close_to(indent)
        self._after_header = False
        if not self._open:
            return False
        self._open[-1].tasks.append(task)
        return True

    def empty(self) -> bool:
        """Take a `[no tasks queued]`; False when it stands below no group."""
        self._after_header = False
        return bool(self._open or self.groups)

    def done(self) -> tuple[TaskGroup, ...]:
        """Close what is open and return the root groups."""
        self._close_to(-1)
        return tuple(self.groups)

    def _close_to(self, indent: int) -> None:
        while self._open and self._open[-1].indent >= indent:
            group = self._open.pop()
            above = self._open[min(len(self._open), MAX_DEPTH) - 1] if self._open else None
            (above.children if above else self.groups).append(group.done())
