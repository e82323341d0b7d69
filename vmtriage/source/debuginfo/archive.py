"""Members of a package, read in order, without installing it: no script of it is ever run."""

import io
import re
import tarfile
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import IO

from vmtriage.source.debuginfo.elf import Kind, kind_of_bytes
from vmtriage.source.debuginfo.streams import (
    Metered,
    Portion,
    inflate,
    read,
    read_exactly,
    skip,
)
from vmtriage.source.debuginfo.trail import Unusable

_VMLINUX = re.compile(r"vmlinux(?:-([\w.+~-]+?))?(?:\.debug)?(?:\.(?:xz|gz|zst|bz2))?")
_AR_MAGIC = b"!<arch>\n"
_AR_HEADER = 60
_TAR_META = 1 << 20  # a long name; tarfile would read any size into memory
_RPM_LEAD = 96
_RPM_SECTION = b"\x8e\xad\xe8\x01"
_CPIO_HEADER = 110
_CPIO_MODE, _CPIO_SIZE, _CPIO_NAME = 14, 54, 94  # where 8 hex digits begin
_LONGEST_NAME = 4096
_REGULAR = 0o100000


@dataclass(frozen=True)
class Member:
    """A regular file of a package. `stream` can be read until the next member is asked for."""

    name: str
    size: int
    stream: IO[bytes]


@contextmanager
def vmlinux_in(
    file: IO[bytes], kind: Kind, limit: int, release: str | None = None
) -> Iterator[Member]:
    """The vmlinux of a debuginfo package; with a release: the one whose path says so.

    limit: bytes all of it may unpack to. Unusable if there is none, or the package lies.
    """
    with closing(_deb(file, limit) if kind is Kind.DEB else _rpm(file, limit)) as members:
        yield next((each for each in members if _is_vmlinux(each.name, release)), None) or _none()


def _none() -> Member:
    raise Unusable("no vmlinux is in it")


def _is_vmlinux(path: str, release: str | None) -> bool:
    *folders, name = path.removeprefix("./").split("/")
    match = _VMLINUX.fullmatch(name)
    if not match or (release and release not in (match[1], *folders)):
        return False
    if ".." in folders or not all(folders):
        raise Unusable(f"refused: it wants to write {path!r}")
    return True


class _Info(tarfile.TarInfo):
    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> "_Info":
        found = super().frombuf(buf, encoding, errors)
        if not found.isreg() and found.size > _TAR_META:
            raise tarfile.ReadError("a name of more than a megabyte")
        return found


def _deb(file: IO[bytes], limit: int) -> Generator[Member, None, None]:
    raw = _data_of_ar(file)
    whole = io.BufferedReader(Metered(_unpacked(raw), limit))
    with tarfile.open(fileobj=whole, mode="r|", tarinfo=_Info, errors="replace") as tar:
        while (info := tar.next()) is not None:
            tar.members = []  # type: ignore[attr-defined]  # it would keep a million names
            content = tar.extractfile(info) if info.isreg() else None
            if content is not None:
                yield Member(info.name, info.size, content)


def _data_of_ar(file: IO[bytes]) -> IO[bytes]:
    """The data.tar of a .deb, still compressed."""
    if read_exactly(file, len(_AR_MAGIC)) != _AR_MAGIC:
        raise Unusable("not an ar archive")
    while header := read(file, _AR_HEADER):
        size = header[48:58].strip()
        if len(header) < _AR_HEADER or header[58:] != b"`\n" or not size.isdigit():
            raise Unusable("damaged: not an ar archive")
        if header[:16].strip().rstrip(b"/").startswith(b"data.tar"):
            return io.BufferedReader(Portion(file, int(size)))
        skip(file, int(size) + int(size) % 2)
    raise Unusable("a Debian package without data")


def _rpm(file: IO[bytes], limit: int) -> Generator[Member, None, None]:
    skip(file, _RPM_LEAD)
    signature = _rpm_section(file)
    skip(file, -signature % 8)
    _rpm_section(file)
    yield from _cpio(io.BufferedReader(Metered(_unpacked(file), limit)))


def _rpm_section(file: IO[bytes]) -> int:
    head = read_exactly(file, 16)
    if not head.startswith(_RPM_SECTION):
        raise Unusable("damaged: an RPM package without its header")
    size = int.from_bytes(head[8:12], "big") * 16 + int.from_bytes(head[12:16], "big")
    skip(file, size)
    return size


def _unpacked(raw: IO[bytes]) -> IO[bytes]:
    buffered = raw if isinstance(raw, io.BufferedReader) else io.BufferedReader(raw)  # type: ignore[type-var]
    return inflate(buffered, kind_of_bytes(buffered.peek(16)[:16]))


def _cpio(stream: IO[bytes]) -> Iterator[Member]:
    """The "new ASCII" form, the only one rpm writes below 4 GB a file."""
    while True:
        header = read_exactly(stream, _CPIO_HEADER)
        if header.startswith(b"07070X"):
            raise Unusable("a package with files over 4 GB; unpack it: rpm2cpio FILE | cpio -id")
        if not header.startswith((b"070701", b"070702")):
            raise Unusable("damaged: not a cpio archive")
        try:
            mode, size, length = (
                int(header[at : at + 8], 16) for at in (_CPIO_MODE, _CPIO_SIZE, _CPIO_NAME)
            )
        except ValueError:
            raise Unusable("damaged: not a cpio archive") from None
        if not 0 < length <= _LONGEST_NAME:
            raise Unusable("damaged: a name of no sane length")
        raw = read_exactly(stream, length + -(_CPIO_HEADER + length) % 4)
        name = raw[: length - 1].decode("utf-8", "replace")
        if name == "TRAILER!!!":
            return
        content = Portion(stream, size)
        if mode & 0o170000 == _REGULAR:
            yield Member(name, size, io.BufferedReader(content))
        skip(stream, content.left + -size % 4)
