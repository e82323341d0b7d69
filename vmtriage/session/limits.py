"""What a crash may use: memory, output, processes. Some the kernel enforces, some are watched."""

import ctypes
import os
import resource
import signal
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_NO_NEW_PRIVS = 38  # PR_SET_NO_NEW_PRIVS
_PAGE = resource.getpagesize()
_MARGIN_BYTES = 1 << 30  # the watch shall speak first: it can say what happened
_PROC = Path("/proc")


def default_memory_bytes() -> int:
    """8 GB, or three quarters of this machine's memory where that is less."""
    return min(8 << 30, os.sysconf("SC_PHYS_PAGES") * _PAGE * 3 // 4)


@dataclass(frozen=True)
class Limits:
    """Of one crash and its children, together. Sizes in bytes."""

    memory_bytes: int
    output_bytes: int = 256 << 20  # in its scratch directory: a flood must not fill the disk
    console_bytes: int = 4 << 20
    processes: int = 64

    def before_exec(self, deaf: bool) -> Callable[[], None]:
        """What runs in the child before crash does. deaf: Ctrl-C is not for the next program,
        but for the one it starts (crash takes its own handler; bubblewrap has none)."""
        prctl = ctypes.CDLL(None).prctl
        data = self.memory_bytes + _MARGIN_BYTES

        def confine() -> None:
            os.umask(0o077)
            _lower(resource.RLIMIT_CORE, 0)
            _lower(resource.RLIMIT_FSIZE, self.output_bytes)
            _lower(resource.RLIMIT_DATA, data)  # not AS: gdb's threads reserve what they never use
            prctl(_NO_NEW_PRIVS, 1, 0, 0, 0)
            if deaf:
                signal.signal(signal.SIGINT, signal.SIG_IGN)

        return confine

    def overrun(self, pid: int, console: int) -> str:
        """Which limit the processes from `pid` down are over, in words; "" for none.

        console: characters that wait on the terminal.
        """
        family = tuple(family_of(pid))
        if len(family) > self.processes:
            return f"it started {len(family)} processes"
        used = sum(map(_resident, family))
        if used > self.memory_bytes:
            return f"it used {used >> 20} MB of memory, more than its {self.memory_bytes >> 20} MB"
        if console > self.console_bytes:
            return f"it flooded its terminal with more than {self.console_bytes >> 20} MB"
        return ""

    def flood(self, scratch: Path, output_bytes: int) -> str:
        """Whether too much lies in the scratch directory, in words; "" where it does not."""
        limit = min(output_bytes, self.output_bytes)
        if _written(scratch) <= limit:
            return ""
        return f"its answer was longer than {limit >> 20} MB"


def _lower(which: int, wanted: int) -> None:
    """A caller's own lower limit stays."""
    _, hard = resource.getrlimit(which)
    limit = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(which, (limit, limit))


def family_of(pid: int) -> Iterator[int]:
    """A process and all its descendants, as far as they still live."""
    yield pid
    with suppress(OSError):
        for thread in (_PROC / str(pid) / "task").iterdir():
            with suppress(OSError):
                for child in (thread / "children").read_text().split():
                    yield from family_of(int(child))


def orphans_of(scratch: Path) -> Iterator[int]:
    """Processes of this user that still call the scratch directory their HOME."""
    mark = b"HOME=" + os.fsencode(scratch)
    for entry in _PROC.iterdir():
        if entry.name.isdigit():
            with suppress(OSError):
                if mark in (entry / "environ").read_bytes().split(b"\0"):
                    yield int(entry.name)


def _resident(pid: int) -> int:
    with suppress(OSError, IndexError):
        return int((_PROC / str(pid) / "statm").read_text().split()[1]) * _PAGE
    return 0


def _written(scratch: Path) -> int:
    with suppress(OSError):
        return sum(entry.stat(follow_symlinks=False).st_blocks * 512 for entry in
                   os.scandir(scratch))  # fmt: skip
    return 0
