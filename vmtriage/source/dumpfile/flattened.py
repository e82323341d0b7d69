"""makedumpfile's flattened form: records of place, size and bytes, as sent through a pipe.

A 4096-byte header, then big-endian records; the last has -1 twice. A later record overwrites
an earlier one. Source: makedumpfile's IMPLEMENTATION file.
"""

import os
from array import array
from bisect import bisect_right
from operator import le
from pathlib import Path
from struct import Struct

from vmtriage.errors import BadDump, CannotWrite
from vmtriage.source.dumpfile.spans import visible
from vmtriage.source.dumpfile.stored import PlainFile, Stored

MAGIC = b"makedumpfile"
_HEADER = 4096
_RECORD = Struct(">qq")
_CHUNK = 1 << 20


class Flattened:
    """The dump inside the records, read in place.

    Opening reads the records' heads only; `most` stops after so many of them.
    `cut_at`: the byte of the file at which the records break off, None if they are whole.
    """

    def __init__(self, file: Stored, most: int | None = None) -> None:
        self._file = file
        self.held = file.size
        self.cut_at: int | None = None
        self._begins, self._ends, self._places = array("q"), array("q"), array("q")
        self._scan(most)
        self._untangle()
        self.size = self._ends[-1] if self._ends else 0

    def read(self, at: int, count: int) -> bytes:
        """Bytes from `at` on, up to the first that no record has."""
        index = bisect_right(self._begins, at) - 1
        found: list[bytes] = []
        while count > 0 and 0 <= index < len(self._begins):
            begin, end = self._begins[index], self._ends[index]
            if not begin <= at < end:
                break
            data = self._file.read(self._places[index] + at - begin, min(count, end - at))
            found.append(data)
            if len(data) < min(count, end - at):
                break
            at, count, index = at + len(data), count - len(data), index + 1
        return found[0] if len(found) == 1 else b"".join(found)

    def close(self) -> None:
        """Closes the file."""
        self._file.close()

    def copy(self, to: int) -> None:
        """Writes the dump in its plain form to an open file, holes left as holes."""
        for begin, end in zip(self._begins, self._ends, strict=True):
            for at in range(begin, end, _CHUNK):
                data = self.read(at, min(_CHUNK, end - at))
                while data:
                    written = os.pwrite(to, data, at)
                    data, at = data[written:], at + written

    def _scan(self, most: int | None) -> None:
        at, read, size = _HEADER, self._file.read, self._file.size
        begins, ends, places = self._begins, self._ends, self._places
        usual = 65536 + size // 512  # makedumpfile gathers pages, it never writes crumbs
        while most is None or len(begins) < most:
            head = read(at, 16)
            if len(head) < 16:
                self.cut_at = at
                break
            begin, length = _RECORD.unpack(head)
            if begin == length == -1:
                break
            if begin < 0 or length <= 0 or begin + length >= 1 << 63 or len(begins) > usual:
                self.cut_at = at
                break
            at += 16
            here = min(length, size - at)
            if here:
                begins.append(begin)
                ends.append(begin + here)
                places.append(at)
            if here < length:
                self.cut_at = size
                break
            at += length

    def _untangle(self) -> None:
        """Puts the records in order: descriptors and pages are written by turns."""
        begins, ends, places = self._begins, self._ends, self._places
        if all(map(le, ends, begins[1:])):
            return
        order = sorted(range(len(begins)), key=begins.__getitem__)
        self._begins = array("q", map(begins.__getitem__, order))
        self._ends = array("q", map(ends.__getitem__, order))
        self._places = array("q", map(places.__getitem__, order))
        if all(map(le, self._ends, self._begins[1:])):
            return
        pieces = visible(begins, ends)
        self._begins = array("q", (piece.begin for piece in pieces))
        self._ends = array("q", (piece.end for piece in pieces))
        self._places = array(
            "q", (places[piece.which] + piece.begin - begins[piece.which] for piece in pieces)
        )


def ends_whole(file: Stored) -> bool:
    """Does the last record say that it is the last? Reads nothing else."""
    return file.read(file.size - 16, 16) == b"\xff" * 16


def reorder(path: Path, to: Path) -> None:
    """Writes a flattened dump in its plain form, as `makedumpfile -R` does.

    NoInput-like trouble with `path` is OSError, BadDump if it is not flattened, CannotWrite.
    """
    file = PlainFile(path)
    try:
        if not file.read(0, len(MAGIC)) == MAGIC:
            raise BadDump(f"{path} is not flattened", next_step="use it as it is")
        whole = Flattened(file)
        if whole.cut_at is not None:
            raise BadDump(
                f"{path}: the flattened dump breaks off at byte {whole.cut_at}",
                next_step="copy it again; the transfer was cut",
            )
        try:
            out = os.open(to, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            try:
                whole.copy(out)
            finally:
                os.close(out)
        except OSError as error:
            raise CannotWrite(
                f"cannot write {to}: {error.strerror}", next_step="give a place with room"
            ) from error
    finally:
        file.close()
