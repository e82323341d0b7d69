"""The bytes of a dump file, read at any place."""

import errno
import os
import stat
from pathlib import Path
from typing import Protocol


class Stored(Protocol):
    """A dump as one row of bytes, whatever the file looks like."""

    @property
    def size(self) -> int:
        """Where its last byte ends."""

    @property
    def held(self) -> int:
        """How many bytes there really are: no size a header claims may exceed it."""

    def read(self, at: int, count: int) -> bytes:
        """Bytes from `at` on: fewer than `count` where the file ends, has a hole or fails."""

    def close(self) -> None:
        """Lets the file go."""


class PlainFile:
    """A file as it lies on the disk. Raises OSError if it cannot be opened."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        told = os.fstat(self._file)
        if not stat.S_ISREG(told.st_mode):  # a pipe would be waited for without end
            os.close(self._file)
            number = errno.EISDIR if stat.S_ISDIR(told.st_mode) else errno.ESPIPE
            raise OSError(number, os.strerror(number), str(path))
        self.size = self.held = told.st_size

    def read(self, at: int, count: int) -> bytes:
        """Bytes from `at` on, as many as there are."""
        count = min(count, self.size - at)
        if at < 0 or count <= 0:
            return b""
        try:
            data = os.pread(self._file, count, at)
            while len(data) < count and (more := os.pread(self._file, count - len(data),
                                                          at + len(data))):  # fmt: skip
                data += more
        except OSError:  # a bad sector, a stale share: what cannot be read is missing
            return b""
        return data

    def close(self) -> None:
        """Closes the file."""
        os.close(self._file)
