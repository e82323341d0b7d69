"""`python -m vmtriage.fleet.scan.child PARENT MODULE ...` is `python -m MODULE ...`, to its death.

The kernel ends us when the scan is gone, however it went; our end of crash's terminal, or
bubblewrap, then ends crash. Nothing of vmtriage is imported before.
"""

import ctypes
import os
import resource
import runpy
import signal
import sys

_PDEATHSIG = 1  # PR_SET_PDEATHSIG


def main() -> None:
    """Takes its own two words off the command line and becomes the module."""
    parent = int(sys.argv[1])
    ctypes.CDLL(None).prctl(_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
    if os.getppid() != parent:  # gone before we asked
        sys.exit(75)
    _, hard = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (0, hard))
    module = sys.argv[2]
    sys.argv = [module, *sys.argv[3:]]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
