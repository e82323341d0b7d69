"""Kernel memory straight out of the dump: a hundred times sooner than by asking crash for it."""

from pathlib import Path

from vmtriage.errors import TriageError
from vmtriage.source.dumpfile.missing import Missing
from vmtriage.source.dumpfile.opened import Dump, open_dump


class DirectMemory:
    """Opened by the first read. What it cannot tell, somebody else has to be asked for."""

    def __init__(self, *files: Path) -> None:
        self._files = files
        self._dump: Dump | None = None
        self._useless = False

    def read(self, address: int, count: int) -> bytes | None:
        """All `count` bytes at a kernel's virtual address; None: ask crash."""
        if self._useless:
            return None
        try:
            if self._dump is None:
                self._dump = open_dump(*self._files)
            return self._dump.read_virtual(address, count)
        except Missing:
            return None
        except (TriageError, OSError, MemoryError):
            self._useless = True
            return None

    def close(self) -> None:
        """Closes the dump."""
        dump, self._dump, self._useless = self._dump, None, True
        if dump is not None:
            dump.close()
