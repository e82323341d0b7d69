"""What a job may do to whoever runs it: `python -m tests.scan_children DEED FILE`."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

# a session of its own, as crash has on its terminal; deaf to the signals that a terminal sends
_GRANDCHILD = """
import os, signal, sys, time
os.setsid()
signal.signal(signal.SIGHUP, signal.SIG_IGN)
open(sys.argv[1], "w").write(str(os.getpid()))
time.sleep(600)
"""


def hang() -> None:
    """What a nursery is told to do before its first birth: a module on a dead server."""
    time.sleep(600)


def main() -> None:
    deed, told = sys.argv[1], Path(sys.argv[2])
    if deed == "fine":
        told.write_text("done")
    elif deed == "waits":
        while not (told.parent.parent / "go").exists():
            time.sleep(0.01)
    elif deed == "fails":
        print("vmtriage: not a dump\n  copy it again", file=sys.stderr)
        sys.exit(65)
    elif deed == "dies":
        os.kill(os.getpid(), signal.SIGSEGV)
    elif deed == "floods":
        for _ in range(2000):
            print("x" * 10_000, file=sys.stderr)
        print("vmtriage: the end", file=sys.stderr)
        sys.exit(70)
    elif deed == "eats":
        hoard = [bytearray(b"x") * (64 << 20) for _ in range(64)]
        time.sleep(600)
        del hoard
    elif deed == "deaf":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        told.write_text(str(os.getpid()))
        time.sleep(600)
    elif deed == "parent":
        subprocess.Popen([sys.executable, "-c", _GRANDCHILD, str(told)])
        time.sleep(600)


if __name__ == "__main__":
    main()
