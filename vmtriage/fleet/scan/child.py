"""What a job's process does before it is the job: away from the terminal, tied to its parent.

The kernel ends it when the parent is gone, however that went; our end of crash's terminal, or
bubblewrap, then ends crash.
"""

import ctypes
import os
import resource
import runpy
import signal
import sys
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

_PDEATHSIG = 1  # PR_SET_PDEATHSIG
_TRY_AGAIN = 75


def die_with(parent: int) -> None:
    """SIGKILL for this process when its parent, which is of this pid, ends."""
    ctypes.CDLL(None).prctl(_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
    if os.getppid() != parent:  # gone before we asked
        os._exit(_TRY_AGAIN)


def live(argv: Sequence[str], environment: dict[str, str], home: Path, words: int) -> None:
    """Becomes `python -m ARGV...`; stderr goes to the descriptor `words`, nothing to stdout."""
    os.setsid()
    nothing = os.open(os.devnull, os.O_RDWR)
    for given, stream in ((nothing, 0), (nothing, 1), (words, 2)):
        os.dup2(given, stream)
    os.close(nothing)
    os.close(words)
    _, hard = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (0, hard))
    with suppress(OSError):  # nobody waits at a keyboard: better whole turns than quick ones
        os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
    os.environ.update({**environment, "TMPDIR": str(home)})
    tempfile.tempdir = None  # whoever asked before asks again
    sys.argv = list(argv)
    runpy.run_module(argv[0], run_name="__main__", alter_sys=True)
