"""Collects, for one output, the lines that become no fact; and fails when nothing became one."""

import re
from collections.abc import Iterable
from typing import NoReturn

from vmtriage.errors import ParseError
from vmtriage.models.base import Note, NoteKind
from vmtriage.parsers._lines import Line, note_of, unknown

_PROMPT = re.compile(r"\s*crash[\w.+-]{0,20}> ?")


def indent_of(text: str) -> int:
    """Columns before the first character, tabs counted to the next stop of eight."""
    blank = text[: len(text) - len(text.lstrip(" \t"))]
    return len(blank.expandtabs(8))


class Notes:
    """The notes of one command's output."""

    def __init__(self, command: str) -> None:
        self._command = command
        self._notes: list[Note] = []

    def unfit(self, line: Line) -> None:
        """Keep a line that fits no rule. Blank lines and prompts say nothing."""
        if line.text.strip() and not _PROMPT.match(line.text):
            self._notes.append(note_of(line, self._command) or unknown(line))

    def bare(self, lines: Iterable[Line]) -> None:
        """Keep headers nothing stands below: the output goes on elsewhere, or was cut."""
        for line in lines:
            self._notes.append(Note(kind=NoteKind.ELIDED, line=line.number, text=line.text.strip()))

    def all(self) -> tuple[Note, ...]:
        """In the order of the lines."""
        return tuple(sorted(self._notes, key=lambda note: note.line))

    def fail(self, expected: str) -> NoReturn:
        """Nothing of the expected form was found: say so, with crash's own words if it spoke."""
        first: Note | None = None
        for note in self.all():
            if note.kind is NoteKind.ERROR:
                first = note
                break
            first = first or note
        if first is None:
            raise ParseError(self._command, f"no {expected}")
        raise ParseError(self._command, f"no {expected}", first.line, first.text[:200])
