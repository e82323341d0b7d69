"""A child and all it started: how much memory they use, and their end."""

import os
import resource
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from vmtriage.session.limits import family_of

_PROC = Path("/proc")
_PAGE = resource.getpagesize()
_GONE_S = 2.0


def resident(pid: int) -> int:
    """Bytes of memory that the process and its descendants hold."""
    return sum(map(_resident, family_of(pid)))


def kill(pid: int, home: Path) -> None:
    """SIGKILL for the process, its group, its descendants, and whoever lives in `home`.

    crash has a session of its own, and a family is orphaned where its head died first.
    """
    family = set(family_of(pid))
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)
    _kill(family)
    sweep(home)


def sweep(home: Path) -> None:
    """SIGKILL for whoever lives in `home`: what a child that is gone has left."""
    _kill(set(_living_in(home)))


def _kill(pids: set[int]) -> None:
    """They are gone on return, but for one that the kernel holds (a dead server's file)."""
    pids = pids - {os.getpid()}
    for each in pids:
        with suppress(ProcessLookupError, PermissionError):
            os.kill(each, signal.SIGKILL)
    until = time.monotonic() + _GONE_S
    while any(map(_runs, pids)) and time.monotonic() < until:
        time.sleep(0.01)


def _runs(pid: int) -> bool:
    with suppress(OSError, IndexError):
        stat = (_PROC / str(pid) / "stat").read_text("utf-8", "replace")
        return stat.rpartition(")")[2].split()[0] not in "ZX"
    return False


def _living_in(home: Path) -> Iterator[int]:
    """Processes whose environment has a path below `home`: TMPDIR, or crash's HOME."""
    mark = b"=" + os.fsencode(home)
    for entry in _PROC.iterdir():
        if entry.name.isdigit():
            with suppress(OSError):
                words = (entry / "environ").read_bytes().split(b"\0")
                if any(mark + b"/" in word or word.endswith(mark) for word in words):
                    yield int(entry.name)


def _resident(pid: int) -> int:
    with suppress(OSError, IndexError, ValueError):
        return int((_PROC / str(pid) / "statm").read_text().split()[1]) * _PAGE
    return 0
