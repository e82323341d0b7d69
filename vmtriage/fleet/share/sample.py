"""A few bytes of a file that tell it from every other, however large it is."""

import hashlib
import os
import stat
from dataclasses import dataclass
from pathlib import Path

from vmtriage.errors import NoInput, unreadable
from vmtriage.models.found import path_text

_HEAD = 64 << 10  # headers, VMCOREINFO
_PIECE = 4096
_PIECES = 16  # besides, from the beginning to the very end


@dataclass(frozen=True, slots=True)
class Sample:
    """digest: of the head and the pieces; size in bytes."""

    digest: bytes
    size: int


def sample(path: Path) -> Sample:
    """Reads at most 128 KB. ShareAway where that failed in a way that may pass, else NoInput."""
    try:
        handle = open_regular(path)
        try:
            size = os.fstat(handle).st_size
            state = hashlib.sha256(os.pread(handle, _HEAD, 0))
            for number in range(1, _PIECES + 1):
                at = (size - _PIECE) * number // _PIECES
                if at >= _HEAD:
                    state.update(os.pread(handle, _PIECE, at))
            return Sample(state.digest(), size)
        finally:
            os.close(handle)
    except OSError as error:
        raise unreadable(path_text(path), error) from error


def text(path: Path, most: int) -> bytes:
    """The first `most` bytes of a log. Errors as of `sample`."""
    try:
        with os.fdopen(open_regular(path), "rb") as file:
            return file.read(most)
    except OSError as error:
        raise unreadable(path_text(path), error) from error


def open_regular(path: Path) -> int:
    """Neither links, which lead anywhere, nor pipes, which would be waited for."""
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise NoInput(f"{path_text(path)} is no file", next_step="only files are read on a share")
    return handle
