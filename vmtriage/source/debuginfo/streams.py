"""Compressed bytes as a stream, read piece by piece: a vmlinux has a gigabyte."""

import bz2
import gzip
import io
import lzma
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from tarfile import TarError
from typing import IO, Protocol

from vmtriage.source.debuginfo.elf import Kind
from vmtriage.source.debuginfo.trail import Unusable

_PIECE = 1 << 16
_XZ_MEMORY = 512 << 20  # xz -9 wants 65 MB; a hostile file asks for gigabytes


class _Decompressor(Protocol):
    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int = -1) -> bytes: ...


class _Inflated(io.RawIOBase):
    """One or more xz or bzip2 streams after each other, in bounded memory."""

    def __init__(self, raw: IO[bytes], new: Callable[[], _Decompressor]) -> None:
        self._raw, self._new = raw, new
        self._now = new()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        view = memoryview(buffer).cast("B")  # type: ignore[arg-type]
        while True:
            rest = b""
            if self._now.eof:
                rest = self._now.unused_data or self._raw.read(_PIECE)
                if not rest.strip(b"\0"):  # the end, or padding after it
                    return 0
                self._now = self._new()
            elif self._now.needs_input:
                rest = self._raw.read(_PIECE)
                if not rest:
                    raise EOFError("it ends too early")
            data = self._now.decompress(rest, len(view))
            if data:
                view[: len(data)] = data
                return len(data)


def inflate(raw: IO[bytes], kind: Kind) -> IO[bytes]:
    """The unpacked bytes of a compressed stream; raw itself if it is not compressed."""
    match kind:
        case Kind.GZIP:
            return io.BufferedReader(gzip.GzipFile(fileobj=raw, mode="rb"), _PIECE)
        case Kind.XZ:
            return io.BufferedReader(_Inflated(raw, _xz), _PIECE)
        case Kind.BZIP2:
            return io.BufferedReader(_Inflated(raw, bz2.BZ2Decompressor), _PIECE)
        case Kind.ZSTD:
            from zstandard import ZstdDecompressor

            reader = ZstdDecompressor().stream_reader(raw, read_across_frames=True, closefd=False)
            return io.BufferedReader(reader, _PIECE)
        case _:
            return raw


def _xz() -> lzma.LZMADecompressor:
    return lzma.LZMADecompressor(memlimit=_XZ_MEMORY)


@contextmanager
def damage_told() -> Iterator[None]:
    """Whatever a damaged archive makes its reader raise becomes an Unusable."""
    from zstandard import ZstdError

    damaged = (EOFError, lzma.LZMAError, zlib.error, ZstdError, TarError, OSError, ValueError)
    try:
        yield
    except damaged as error:
        raise Unusable(f"damaged, or cut short: {error}") from error


def read(stream: IO[bytes], size: int) -> bytes:
    """Up to `size` bytes; Unusable where the archive is damaged."""
    with damage_told():
        return stream.read(size)


def read_exactly(stream: IO[bytes], size: int) -> bytes:
    """`size` bytes; Unusable where fewer are left."""
    found = b""
    while len(found) < size:
        piece = read(stream, size - len(found))
        if not piece:
            raise Unusable("cut short")
        found += piece
    return found


def skip(stream: IO[bytes], size: int) -> None:
    """Reads and forgets."""
    while size > 0:
        size -= len(read_exactly(stream, min(size, _PIECE)))


class Portion(io.RawIOBase):
    """The next `size` bytes of a stream, as a file of its own. Fewer than that are an error."""

    def __init__(self, stream: IO[bytes], size: int) -> None:
        self._stream, self.left = stream, size

    def readable(self) -> bool:  # noqa: D102
        return True

    def readinto(self, buffer: object) -> int:  # noqa: D102
        view = memoryview(buffer).cast("B")  # type: ignore[arg-type]
        wanted = min(len(view), self.left)
        if not wanted:
            return 0
        data = read(self._stream, wanted)
        if not data:
            raise EOFError("cut short")
        view[: len(data)] = data
        self.left -= len(data)
        return len(data)


class Metered(io.RawIOBase):
    """A stream that refuses to give more than `limit` bytes: an archive may be a bomb."""

    def __init__(self, stream: IO[bytes], limit: int) -> None:
        self._stream, self._left = stream, limit

    def readable(self) -> bool:  # noqa: D102
        return True

    def readinto(self, buffer: object) -> int:  # noqa: D102
        view = memoryview(buffer).cast("B")  # type: ignore[arg-type]
        data = read(self._stream, min(len(view), _PIECE))
        self._left -= len(data)
        if self._left < 0:
            raise Unusable("it unpacks to more than any kernel's debuginfo")
        view[: len(data)] = data
        return len(data)
