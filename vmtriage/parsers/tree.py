"""`tree` over a cfs_rq: the tasks queued there, straight from the run queue's red-black tree.

Sample::

    ffff8d201fd8a0c0
      pid = 123,
      comm = "python\\000\\000\\000\\000\\000\\000\\000\\000\\000",
      se.my_q = 0x0,
"""

import re
from itertools import pairwise

from vmtriage.errors import ParseError
from vmtriage.models.base import Note, NoteKind
from vmtriage.models.runqueue import TreeTask, TreeTasks

COMMAND = "tree"

_NODE = re.compile(r"^(?P<task>[0-9a-f]{8,16})$")
_MEMBER = re.compile(r"^\s+(?P<name>pid|comm|se\.my_q) = (?P<value>.*?),?$")
_ERROR = re.compile(r"^\w+: ")


def parse(text: str) -> TreeTasks:
    """Tasks with pid and comm; entities that are groups (my_q set) are left out."""
    lines = text.splitlines()
    starts = [n for n, line in enumerate(lines) if _NODE.match(line)]
    tasks: list[TreeTask] = []
    notes = [
        Note(kind=NoteKind.ERROR, line=n + 1, text=line)
        for n, line in enumerate(lines)
        if _ERROR.match(line)
    ]
    for start, end in pairwise((*starts, len(lines))):
        members = {m["name"]: m["value"] for line in lines[start:end] if (m := _MEMBER.match(line))}
        if not {"pid", "comm", "se.my_q"} <= members.keys():
            notes.append(Note(kind=NoteKind.UNKNOWN, line=start + 1, text=lines[start]))
        elif members["se.my_q"] == "0x0" and members["pid"].isdigit():
            comm = _string(members["comm"])
            task = TreeTask(task=lines[start], pid=int(members["pid"]), comm=comm, line=start + 1)
            tasks.append(task)
    if not starts and lines and not notes:
        raise ParseError(COMMAND, "no tree node in it", 1, lines[0])
    return TreeTasks(tasks=tuple(tasks), notes=tuple(notes))


def _string(value: str) -> str:
    """gdb's text of a char array up to its first NUL: `"python\\000\\000"` -> python."""
    inner = value.strip().removeprefix('"').partition("\\000")[0].removesuffix('"')
    plain = re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), inner)
    return plain.replace('\\"', '"').replace("\\\\", "\\")
