"""The command as a process: `vmtriage`, `python -m vmtriage`."""

import gc
import os
import sys
import threading


def run() -> None:
    """Runs the command line and ends this process with its exit code."""
    # What is made while starting stays: looking for garbage in it costs a twentieth of the time.
    gc.set_threshold(100_000)
    from vmtriage.cli import main

    try:
        main()
    except SystemExit as end:
        _leave(end.code)
        raise


def _leave(code: object) -> None:
    """Ends at once: Python takes every module apart first, which costs a tenth of the time."""
    if (
        not isinstance(code, int)
        or threading.active_count() > 1
        or "multiprocessing" in sys.modules
    ):
        return
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except (OSError, ValueError):  # the reader has gone: Python knows what to do then
        return
    os._exit(code)


if __name__ == "__main__":
    run()
