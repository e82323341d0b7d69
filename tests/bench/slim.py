"""`analyze` with a slim namelist beside crash alone on the distribution's vmlinux, in one run.

crash answers six commands (`crash -s -i`), `analyze` asks its whole plan and writes all reports:
once with an empty cache, the namelist made of the dump, then with what that left. Wall seconds, the
median of pairs, and peak memory. The promise: kept, a sixth of the time with crash 8.0.2, a tenth
with 8.0.6, and a third of the memory; the first time 0.7 of the time.
"""

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from fixtures import lab

_SIX = "sys\nbt\nrunq -g\nrunq -t\nkmem -i\nlog\nq\n"
_KERNELS = (("6.1", 1), ("6.12", 2))
_KEPT = {"8.0.2": 1 / 6, "8.0.6": 1 / 10}
_FIRST, _MEMORY = 0.7, 1 / 3


class Cost(NamedTuple):
    """Of one process and its children. Wall seconds, peak kilobytes of the largest."""

    seconds: float
    kilobytes: int


def cost(command: Sequence[str | Path], more: Mapping[str, str]) -> Cost:
    """Runs it; a failing run is an error, not a number."""
    words = [str(each) for each in command]
    silent = os.open(os.devnull, os.O_RDWR)
    moves = [(os.POSIX_SPAWN_DUP2, silent, stream) for stream in range(3)]
    own = {"PATH": os.environ["PATH"], "TERM": "dumb", "PYTHONPATH": str(Path.cwd())}
    began = time.perf_counter()
    child = os.posix_spawn(words[0], words, {**own, **more}, file_actions=moves)
    _, status, used = os.wait4(child, 0)
    seconds = time.perf_counter() - began
    os.close(silent)
    if status:
        raise SystemExit(f"{' '.join(words)} ended with {status}")
    return Cost(seconds, used.ru_maxrss)


def compared(dump: lab.Dump, crash: Path, rounds: int, kept: float) -> bool:
    """Prints the numbers of one kernel and crash; whether the promise is kept."""
    with tempfile.TemporaryDirectory() as home:
        commands, cache = Path(home) / "commands", Path(home) / "cache"
        commands.write_text(_SIX)
        bare: list[str | Path] = [
            crash, "-s", "--no_crashrc", "-i", commands, dump.vmlinux, dump.vmcore,
        ]  # fmt: skip
        ours: list[str | Path] = [
            sys.executable, "-m", "vmtriage", "analyze", dump.vmcore, "--crash", crash,
            "-o", Path(home) / "report", "-q",
        ]  # fmt: skip
        cached = {"HOME": home, "VMTRIAGE_CACHE_DIR": str(cache)}
        cost(bare, {"HOME": home})  # warms the page cache
        first = cost(ours, cached)
        pairs = [(cost(bare, {"HOME": home}), cost(ours, cached)) for _ in range(rounds)]
    alone = statistics.median(each.seconds for each, _ in pairs)
    again = statistics.median(each.seconds for _, each in pairs)
    memory = max(each.kilobytes for _, each in pairs) / max(each.kilobytes for each, _ in pairs)
    good = again <= alone * kept and first.seconds <= alone * _FIRST and memory <= _MEMORY
    print(
        f"  crash {alone:5.2f} s   first {first.seconds:5.2f} s = {first.seconds / alone:.2f}"
        f"   kept {again:5.2f} s = 1/{alone / again:.1f}   memory {memory:.2f}"
        f"   {'kept' if good else 'BROKEN'}",
        flush=True,
    )
    return good


def main() -> int:
    """0 when every pair keeps the promise."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--scenario", default="cfs_lockup")
    chosen = options.parse_args()
    if lacking := lab.missing():
        print("the lab cannot run here:", *lacking, sep="\n  ")
        return 2
    good = True
    for kernel, cgroup in _KERNELS:
        dump = lab.build(chosen.scenario, kernel=kernel, cgroup=cgroup)
        for version, crash in sorted(lab.crash_binaries().items()):
            if (kernel, version) == ("6.12", "8.0.2"):
                continue  # that crash cannot open it
            print(f"crash {version}, {chosen.scenario}, kernel {dump.release}")
            good &= compared(dump, crash, chosen.rounds, _KEPT.get(version, 1 / 10))
    return 0 if good else 1


if __name__ == "__main__":
    raise SystemExit(main())
