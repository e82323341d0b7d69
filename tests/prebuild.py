"""Builds the dumps of the live tests in the order they are wanted, beside tests that need none.

    python -m tests.prebuild

A dump that fails here is tried again, and told, by its own test.
"""

import contextlib
import os
import signal
import sys

from fixtures import lab
from tests import test_live, test_live_decoys


def main() -> None:
    """All dumps, at low priority."""
    os.nice(5)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())  # takes QEMU with it
    for module in (test_live, test_live_decoys):
        for name, kernel, cgroup in module.CASES:
            with contextlib.suppress(lab.LabError):
                lab.build(name, kernel=kernel, cgroup=cgroup)


if __name__ == "__main__":
    main()
