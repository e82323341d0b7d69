"""Lines of source, of a vmlinux that happens to be at hand; or as they were told in a recording."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from vmtriage.models.whereabouts import TableLine
from vmtriage.source.lines import line_of


class Lines(Protocol):
    """What knows lines."""

    def of(self, address: int) -> TableLine | None:
        """The line of the instruction at an address of the dump; None where nobody knows."""


class Told:
    """Lines that are known already."""

    def __init__(self, lines: Sequence[TableLine] = ()) -> None:
        self._lines = {int(line.address, 16): line for line in lines}

    def of(self, address: int) -> TableLine | None:
        """As it was told."""
        return self._lines.get(address)


class Looked:
    """Lines by the vmlinux's own table. `find` is asked when the first line is wanted.

    kaslr: how far the dump's kernel lies from where its vmlinux has it; None: not known, and
    neither is any line.
    """

    def __init__(self, find: Callable[[], Path | None], kaslr: int | None) -> None:
        self._find, self._kaslr = find, kaslr
        self._told: list[TableLine] = []

    @property
    def told(self) -> tuple[TableLine, ...]:
        """All that were found, for the recording."""
        return tuple(self._told)

    def of(self, address: int) -> TableLine | None:
        """Reads the table: a third of a second, and more for the largest units."""
        path = self._find() if self._kaslr is not None else None
        found = line_of(path, address - (self._kaslr or 0)) if path else None
        if path is None or found is None:
            return None
        name, line = found
        told = TableLine(address=f"{address:x}", file=name, line=line, vmlinux=str(path))
        self._told.append(told)
        return told
