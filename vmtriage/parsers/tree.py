"""`tree`: addresses of the structures in a red-black tree.

Sample::

    ffff88e61fd1c180
    ffff88e6020320c0
"""

import re

from vmtriage.errors import ParseError
from vmtriage.models.base import Note, NoteKind
from vmtriage.models.runqueue import TreeNodes

COMMAND = "tree"

_NODE = re.compile(r"[0-9a-f]{8,16}")


def parse(text: str) -> TreeNodes:
    """The nodes in order; other lines become notes. An empty tree prints nothing: ParseError."""
    nodes: list[str] = []
    notes: list[Note] = []
    for number, line in enumerate(text.splitlines(), 1):
        if _NODE.fullmatch(line.strip()):
            nodes.append(line.strip())
        elif line.strip():
            kind = NoteKind.ERROR if line.startswith("tree: ") else NoteKind.UNKNOWN
            notes.append(Note(kind=kind, line=number, text=line))
    if not nodes:
        raise ParseError(COMMAND, "no tree node in it", 1, text[:80])
    return TreeNodes(nodes=tuple(nodes), notes=tuple(notes))
