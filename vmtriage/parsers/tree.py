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
    """The nodes in order; an empty tree prints nothing. Every other line becomes a note."""
    nodes: list[str] = []
    notes: list[Note] = []
    for number, line in enumerate(text.splitlines(), 1):
        if _NODE.fullmatch(line.strip()):
            nodes.append(line.strip())
        elif line.strip():
            kind = NoteKind.ERROR if line.startswith("tree: ") else NoteKind.UNKNOWN
            notes.append(Note(kind=kind, line=number, text=line))
    if notes and not nodes:
        raise ParseError(COMMAND, "no tree node in it", notes[0].line, notes[0].text)
    return TreeNodes(nodes=tuple(nodes), notes=tuple(notes))
