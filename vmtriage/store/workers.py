"""Who works here, and whether another worker of this machine is still alive."""

import contextlib
import os
import socket
from pathlib import Path

from vmtriage.store.rows import Worker


def this_worker() -> Worker:
    """This process."""
    return Worker(
        host=socket.gethostname(),
        pid=os.getpid(),
        started=started_of(os.getpid()) or 0,
        boot_id=_boot_id(),
        pid_namespace=_pid_namespace(),
    )


def other_boot(worker: Worker) -> bool | None:
    """Whether it belongs to another boot than this one; None: nobody can tell."""
    here = _boot_id()
    return worker.boot_id != here if worker.boot_id and here else None


def is_alive(worker: Worker) -> bool | None:
    """Whether it runs; None: from here nobody can tell (another machine or container)."""
    if other_boot(worker) is not False or worker.pid_namespace != _pid_namespace():
        return None
    try:
        os.kill(worker.pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        pass  # another user's: it is there
    started = started_of(worker.pid)
    if started is None:  # /proc hides it, or it has just ended
        return None
    return started == worker.started


def started_of(pid: int) -> int | None:
    """When a process began, ticks since boot. 0: it is dead, its parent has not looked yet; None:
    it cannot be read.
    """
    try:
        stat = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace")
    except OSError:
        return None
    fields = stat.rpartition(")")[2].split()
    return 0 if fields[0] in "ZX" else int(fields[19])


def _boot_id() -> str:
    with contextlib.suppress(OSError):
        return Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
    return ""


def _pid_namespace() -> str:
    with contextlib.suppress(OSError):
        return str(Path("/proc/self/ns/pid").readlink())
    return ""
