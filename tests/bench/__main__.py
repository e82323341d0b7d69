"""`make bench`: what vmtriage adds to crash itself, on the same dump, in the same run.

Pairs of runs, one after the other: `crash -s -i` with the commands vmtriage asks here, then
`vmtriage analyze` writing all reports. Prints the median of each, their ratio and difference.
The promise: at most 1.10 times, and at most 0.5 s more.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from fixtures import lab

RATIO, SECONDS = 1.10, 0.5


def timed(command: Sequence[str | Path], cwd: str) -> float:
    """Wall seconds of one run; a failing run is an error, not a number."""
    began = time.perf_counter()
    subprocess.run(
        command, cwd=cwd, check=True, stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        env={"PATH": os.environ["PATH"], "HOME": cwd, "TERM": "dumb"},
    )  # fmt: skip
    return time.perf_counter() - began


def measure(crash: Path, dump: lab.Dump, rounds: int) -> tuple[float, float]:
    """Median seconds of crash alone and of vmtriage."""
    alone: list[float] = []
    whole: list[float] = []
    with tempfile.TemporaryDirectory() as directory:
        commands = Path(directory) / "commands"
        bare: list[str | Path] = [
            crash,
            "-s",
            "--no_crashrc",
            "-i",
            commands,
            dump.vmlinux,
            dump.vmcore,
        ]
        ours: list[str | Path] = [
            sys.executable,
            "-m",
            "vmtriage",
            "analyze",
            dump.vmcore,
            "--vmlinux",
            dump.vmlinux,
            "--crash",
            crash,
            "-o",
            Path(directory) / "report",
            "--no-slim",  # the same work: what the slim namelist saves is for tests.bench.slim
            "--quick",  # what comes beyond has a bench of its own: tests.bench.inquiries
            "-q",
        ]
        timed(ours, directory)  # warms the page cache, and tells which commands it asked
        report = json.loads((Path(directory) / "report" / "report.json").read_text())
        asked = [run["command"] for run in report["commands"]]
        lines = [f"{command} > out-{number}" for number, command in enumerate(asked)]
        commands.write_text("\n".join([*lines, "q"]) + "\n")
        for _ in range(rounds):
            first, second = timed(bare, directory), timed(ours, directory)
            alone.append(first)
            whole.append(second)
            print(f"  crash {first:6.2f} s   vmtriage {second:6.2f} s", flush=True)
    return statistics.median(alone), statistics.median(whole)


def main() -> int:
    """0 when every pair keeps the promise."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--scenario", default="cfs_lockup")
    chosen = options.parse_args()
    if lacking := lab.missing():
        print("the lab cannot run here:", *lacking, sep="\n  ")
        return 2
    kept = True
    dump = lab.build(chosen.scenario)
    for version, crash in lab.crash_binaries().items():
        print(f"crash {version}, {chosen.scenario}, kernel {dump.release}")
        alone, whole = measure(crash, dump, chosen.rounds)
        good = whole <= alone * RATIO and whole - alone <= SECONDS
        kept = kept and good
        print(
            f"median: crash {alone:.2f} s, vmtriage {whole:.2f} s:"
            f" {whole / alone:.3f} times, {whole - alone:+.2f} s"
            f" ({'kept' if good else 'BROKEN'}: {RATIO} times and {SECONDS} s)"
        )
    return 0 if kept else 1


if __name__ == "__main__":
    raise SystemExit(main())
