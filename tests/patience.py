"""Waiting for what is bound to happen."""

import time
from collections.abc import Callable


def until(
    true: Callable[[], object], seconds: float = 120, what: str = "it did not happen"
) -> None:
    """Fails with `what` where it has not come true by then."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, what
        time.sleep(0.02)
