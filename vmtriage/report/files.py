"""Reports on disk: whole or not at all."""

import errno
import os
import secrets
from collections.abc import Mapping
from pathlib import Path

from vmtriage.errors import CannotWrite

_NEXT_STEP = {
    errno.ENOSPC: "free some space there, or choose another directory with -o",
    errno.EDQUOT: "the disk quota is used up: free some space, or choose another directory with -o",
    errno.EACCES: "choose a directory you may write to with -o, or run as a user who may",
    errno.EPERM: "choose a directory you may write to with -o, or run as a user who may",
    errno.EROFS: "the file system is read-only: choose another directory with -o",
    errno.ENOTDIR: "part of that path is a file: choose another directory with -o",
    errno.EEXIST: "that path is a file: choose another directory with -o",
    errno.EISDIR: "a directory has the name of the report: move it away",
}


def cannot_write(path: Path, error: OSError) -> CannotWrite:
    """What went wrong with `path`, and what to do."""
    step = _NEXT_STEP.get(error.errno or 0, "try again, or choose another directory with -o")
    return CannotWrite(f"cannot write {path}: {error.strerror or error}", next_step=step)


def _spill(path: Path, data: bytes) -> Path:
    """Write beside `path`, under a name nobody else has."""
    temp = path.with_name(f".{path.name}.{secrets.token_hex(6)}.tmp")
    # Not mkstemp: its 0600 would keep colleagues from reading; the umask decides instead.
    handle = os.open(temp, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
    try:
        with os.fdopen(handle, "wb") as out:
            out.write(data)
    except BaseException:
        temp.unlink(missing_ok=True)
        raise
    return temp


def write_all(
    directory: Path, contents: Mapping[str, str], *, durable: bool = True
) -> tuple[Path, ...]:
    """Write each name's text into `directory`; no file changes unless all could be written.

    durable: safe from a power cut at once; else the caller syncs when all of many are written.
    """
    path = directory
    temps: dict[Path, Path] = {}
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for name, text in contents.items():
            path = directory / name
            temps[path] = _spill(path, text.encode("utf-8", "backslashreplace"))
        for path in temps if durable else ():  # the first to be safe makes most of them so
            _to_disk(temps[path])
        for path, temp in temps.items():
            temp.replace(path)
        if durable:
            _sync_directory(directory)
    except OSError as error:
        raise cannot_write(path, error) from error
    finally:
        for temp in temps.values():
            temp.unlink(missing_ok=True)
    return tuple(temps)


def _to_disk(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _sync_directory(directory: Path) -> None:
    """Make the new names last through a power cut, where the file system can."""
    try:
        handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        return
    try:
        os.fsync(handle)
    except OSError:  # some network file systems cannot; the files themselves are safe
        pass
    finally:
        os.close(handle)
