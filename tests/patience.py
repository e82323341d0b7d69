"""Waiting for what is bound to happen."""

import time
from collections.abc import Callable
from pathlib import Path


def until(
    true: Callable[[], object], seconds: float = 120, what: str = "it did not happen"
) -> None:
    """Fails with `what` where it has not come true by then."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, what
        time.sleep(0.02)


def alive(pid: int) -> bool:
    """Not a zombie that nobody has reaped yet."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] not in "ZX"
