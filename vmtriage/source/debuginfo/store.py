"""The cache of unpacked and fetched vmlinux files. Any number of processes may use it at once.

Files get their name by one rename, when they are whole. Names:
  vmlinux-BUILD_ID   a vmlinux (vmlinux-of-KEY without build-id); half a one ends with
                     .debug (only debuginfo) or .stripped (without); its time is its last use
  from-KEY           a link that says which of them a source unpacks to, even if it was not kept
  .tmp-*/            work of a process; it holds a lock on it as long as it lives
"""

import fcntl
import hashlib
import os
import re
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from vmtriage.source.debuginfo.elf import Elf
from vmtriage.source.debuginfo.pruning import FOLDER, IN_USE_S, LIMIT, NAME, prune
from vmtriage.source.debuginfo.trail import Unusable
from vmtriage.source.surplus import used_now

MAX_BYTES = 8 << 30  # of one vmlinux; the largest seen have two
_SPARE_BYTES = 256 << 20  # left free on the disk
_PIECE = 1 << 20
_CHECK_EVERY = 64  # pieces
_LEFTOVER_S = 3600.0  # a younger one may not be locked yet
_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH
_BUILD_ID = re.compile(r"[0-9a-f]{8,128}")


@dataclass(frozen=True)
class Store:
    """A private directory of this user."""

    directory: Path
    max_bytes: int = MAX_BYTES
    limit: int = LIMIT

    @classmethod
    def under(cls, cache_dir: Path | None, max_bytes: int = MAX_BYTES) -> "Store":
        """The store in this cache, made if need be. Unusable where it cannot be trusted."""
        if cache_dir is None:
            raise Unusable("there is no cache to unpack it into: set VMTRIAGE_CACHE_DIR")
        directory = cache_dir / FOLDER
        try:
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            found = directory.stat()
            if found.st_uid != os.geteuid() or found.st_mode & _OTHERS_WRITE:
                raise Unusable(f"the cache {directory} belongs to, or is open to, somebody else")
        except OSError as error:
            raise Unusable(f"the cache {directory} cannot be used: {error.strerror}") from error
        store = cls(directory, max_bytes)
        store._sweep()
        return store

    def of_build_id(self, build_id: str) -> tuple[Path, ...]:
        """Where the vmlinux of this build is, if it is kept, and where its halves are."""
        if not _BUILD_ID.fullmatch(build_id):
            raise Unusable(f"{build_id!r} is no build-id")
        names = (f"vmlinux-{build_id}{half}" for half in ("", ".stripped", ".debug"))
        return tuple(self.directory / name for name in names)

    def of_source(self, source: Path) -> Path | None:
        """What a file was unpacked to before; the path need not be there. None: not known."""
        with suppress(OSError):
            name = str((self.directory / _key(source)).readlink())
            if NAME.fullmatch(name):
                return self.directory / name
        return None

    def keep(self, made: Path, elf: Elf, source: Path | None = None) -> Path:
        """Gives a whole file its name, and says where it is now."""
        name = name_of(elf, source)
        target = self.directory / name
        made.chmod(0o600)
        used_now(made)  # a package's own times are those of its build
        made.rename(target)  # over another process's, which has the same content
        self.remember(name, source)
        prune(self.directory, self.limit, spare=target, unused_s=IN_USE_S)
        return target

    def remember(self, name: str, source: Path | None) -> None:
        """Notes what a source unpacks to, so that the wrong one is not unpacked again."""
        if source is None or not NAME.fullmatch(name):
            return
        with suppress(OSError), self.workspace() as room:
            (room / "link").symlink_to(name)
            (room / "link").rename(self.directory / _key(source))

    def used(self, path: Path) -> None:
        """Notes that a file is taken; one that is not of this store is left alone."""
        if path.parent == self.directory:
            used_now(path)

    @contextmanager
    def workspace(self) -> Iterator[Path]:
        """A directory for files that are not whole yet, on the same disk; removed at the end."""
        try:
            room = Path(tempfile.mkdtemp(prefix=".tmp-", dir=self.directory))
        except OSError as error:
            raise Unusable(f"{self.directory} cannot be written: {error.strerror}") from error
        descriptor = os.open(room, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            with suppress(OSError):  # a file system without locks: age alone decides
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield room
        finally:
            shutil.rmtree(room, ignore_errors=True)
            os.close(descriptor)

    def write(self, stream: IO[bytes], target: Path, size: int | None = None) -> int:
        """Copies a stream to a file of the workspace, within the bounds. Bytes written."""
        from vmtriage.source.debuginfo.streams import read

        self.check_room(size or 0)
        written = 0
        try:
            with target.open("xb") as file:
                for number in range(self.max_bytes // _PIECE + 2):
                    piece = read(stream, _PIECE)
                    if not piece:
                        return written
                    if number % _CHECK_EVERY == 0:
                        self.check_room(len(piece))
                    written += len(piece)
                    self.check_size(written)
                    self.append(file, piece)
        except OSError as error:
            raise Unusable(f"{self.directory} cannot be written: {error.strerror}") from error
        raise Unusable("it comes in pieces too small")

    def append(self, file: IO[bytes], piece: bytes) -> None:
        """Writes on; Unusable if the disk is full."""
        try:
            file.write(piece)
        except OSError as error:
            raise Unusable(f"{self.directory} cannot be written: {error.strerror}") from error

    def check_size(self, size: int) -> None:
        """Unusable if a file is larger than any vmlinux."""
        if size > self.max_bytes:
            raise Unusable(f"larger than {self.max_bytes >> 20} MB: no vmlinux is")

    def check_room(self, size: int) -> None:
        """Unusable if it does not fit the disk."""
        self.check_size(size)
        free = shutil.disk_usage(self.directory).free
        if free < size + _SPARE_BYTES:
            raise Unusable(
                f"no room for it: {free >> 20} MB are free in {self.directory}"
                f", {(size + _SPARE_BYTES) >> 20} MB are needed"
            )

    def _sweep(self) -> None:
        """Removes what processes that were killed left behind."""
        with suppress(OSError):
            for room in self.directory.glob(".tmp-*"):
                if time.time() - room.lstat().st_mtime > _LEFTOVER_S and _abandoned(room):
                    shutil.rmtree(room, ignore_errors=True)


def name_of(elf: Elf, source: Path | None = None) -> str:
    """What a vmlinux is called in the store."""
    half = (
        "" if elf.has_debuginfo and elf.has_code else ".debug" if elf.has_debuginfo else ".stripped"
    )
    if elf.build_id and _BUILD_ID.fullmatch(elf.build_id):
        return f"vmlinux-{elf.build_id}{half}"
    key = _key(source).removeprefix("from-") if source else os.urandom(16).hex()
    return f"vmlinux-of-{key}{half}"


def _abandoned(room: Path) -> bool:
    try:
        descriptor = os.open(room, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return True


def _key(source: Path) -> str:
    """A source by path, time and size: it is unpacked anew when it changes."""
    found = source.stat()
    told = f"{source.resolve()}\0{found.st_mtime_ns}\0{found.st_size}\0{found.st_ino}"
    return f"from-{hashlib.sha256(told.encode('utf-8', 'surrogateescape')).hexdigest()[:40]}"
