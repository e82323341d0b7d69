"""`python -m tests.nfs_mount PORT EXPORT MOUNTPOINT`: an NFS export as files, read-only.

A real NFS client (libnfs) behind FUSE: this kernel has none of its own. Nothing is cached, and a
server that is gone is an error after a few seconds, as on a soft mount.
"""

# ruff: noqa: ARG002, the arguments are libfuse's

import ctypes
import errno
import os
import sys
from collections.abc import Iterator
from typing import Any

import mfusepy

_LIBRARY = "libnfs.so.13"
_TIMEOUT_MS = 3000


class _Stat(ctypes.Structure):
    """struct nfs_stat_64 of libnfs.h."""

    _fields_ = [(name, ctypes.c_uint64) for name in (
        "dev", "ino", "mode", "nlink", "uid", "gid", "rdev", "size", "blksize", "blocks",
        "atime", "mtime", "ctime", "atime_ns", "mtime_ns", "ctime_ns", "used",
    )]  # fmt: skip


class _Entry(ctypes.Structure):
    """The beginning of struct nfsdirent."""

    _fields_ = [("next", ctypes.c_void_p), ("name", ctypes.c_char_p)]


class Nfs(mfusepy.Operations):  # type: ignore[misc]
    """One connection, made again when it was lost."""

    use_ns = True

    def __init__(self, port: int, export: str) -> None:
        self._nfs = ctypes.CDLL(_LIBRARY)
        for name in ("nfs_init_context", "nfs_readdir", "nfs_parse_url_dir"):
            getattr(self._nfs, name).restype = ctypes.c_void_p
        self._address = f"nfs://127.0.0.1{export}?nfsport={port}&version=4".encode()
        self._context: ctypes.c_void_p | None = None
        self._export = export

    def getattr(self, path: str, fh: int | None = None) -> dict[str, Any]:
        found = _Stat()
        self._do("nfs_lstat64", path, ctypes.byref(found))
        times = {f"st_{each}": getattr(found, each) * 10**9 + getattr(found, f"{each}_ns")
                 for each in ("atime", "mtime", "ctime")}  # fmt: skip
        return {"st_mode": found.mode, "st_nlink": found.nlink, "st_size": found.size,
                "st_uid": found.uid, "st_gid": found.gid, "st_ino": found.ino, **times}  # fmt: skip

    def readdir(self, path: str, fh: int) -> Iterator[str]:
        directory = ctypes.c_void_p()
        self._do("nfs_opendir", path, ctypes.byref(directory))
        names = []
        while entry := self._nfs.nfs_readdir(self._context, directory):
            names.append(os.fsdecode(_Entry.from_address(entry).name))
        self._nfs.nfs_closedir(self._context, directory)
        return iter(names)

    def open(self, path: str, flags: int) -> int:
        self.getattr(path)
        return 0

    def read(self, path: str, size: int, offset: int, fh: int) -> bytes:
        handle = ctypes.c_void_p()
        self._do("nfs_open", path, os.O_RDONLY, ctypes.byref(handle))
        buffer = ctypes.create_string_buffer(size)
        try:
            count = self._do_raw("nfs_pread", handle, ctypes.c_uint64(offset),
                                 ctypes.c_uint64(size), buffer)  # fmt: skip
        finally:
            self._nfs.nfs_close(self._context, handle)
        return buffer.raw[:count]

    def _do(self, name: str, path: str, *arguments: object) -> int:
        return self._do_raw(name, os.fsencode(path), *arguments)

    def _do_raw(self, name: str, *arguments: object) -> int:
        code = getattr(self._nfs, name)(self._connected(), *arguments)
        if code < 0:
            if -code not in (errno.ENOENT, errno.EACCES, errno.ENOTDIR):
                self._context = None  # as a kernel does, by a new connection
            raise mfusepy.FuseOSError(-code)
        return int(code)

    def _connected(self) -> ctypes.c_void_p:
        if self._context is None:
            context = ctypes.c_void_p(self._nfs.nfs_init_context())
            self._nfs.nfs_set_timeout(context, _TIMEOUT_MS)
            self._nfs.nfs_set_autoreconnect(context, 0)
            url = self._nfs.nfs_parse_url_dir(context, self._address)
            if not url or self._nfs.nfs_mount(context, b"127.0.0.1", self._export.encode()) < 0:
                raise mfusepy.FuseOSError(errno.EIO)
            self._context = context
        return self._context


def main() -> None:
    """Until it is unmounted."""
    port, export, point = sys.argv[1:]
    mfusepy.FUSE(
        Nfs(int(port), export), point, foreground=True, nothreads=True, ro=True, allow_other=True,
        fsname=f"127.0.0.1:{export}", subtype="nfs", attr_timeout=0, entry_timeout=0,
        direct_io=False, auto_cache=True,
    )  # fmt: skip


if __name__ == "__main__":
    main()
