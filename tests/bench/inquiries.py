"""What the further questions of each class's plan cost: seconds beyond what every dump is asked.

Real dumps, the newest crash of the lab; the median of some runs, step by step. The promise: at most
2 s together on every dump, and nothing with --quick.
"""

import argparse
import os
import statistics
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from fixtures import lab
from tests.live import NEW, Json, analyze, crash_of

SECONDS = 2.0
DUMPS = (
    ("cfs_lockup", "6.1"), ("cfs_decoys", "6.12"), ("hung_rwsem", "6.1"), ("hung_across", "6.12"),
    ("oom_invoker", "6.1"), ("uaf", "6.1"), ("null", "6.12"), ("spin_owner", "6.1"),
    ("sysrq", "6.1"),
)  # fmt: skip


def report_of(name: str, series: str, home: Path, *more: str) -> Json:
    """One run."""
    dump = lab.build(name, kernel=series)
    return analyze(dump, crash_of(NEW), home / "report", *more)


def total(runs: Sequence[Sequence[Json]]) -> float:
    """Median seconds of all steps."""
    return float(statistics.median(sum(step["seconds"] for step in run) for run in runs))


def main() -> int:
    """0 when every dump keeps the promise."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rounds", type=int, default=3)
    chosen = options.parse_args()
    if lacking := lab.missing():
        print("the lab cannot run here:", *lacking, sep="\n  ")
        return 2
    kept = True
    with tempfile.TemporaryDirectory() as directory:
        home = Path(directory)
        for name, series in DUMPS:
            first, again = [], []
            for number in range(chosen.rounds):
                # of a kernel it has not seen, then of one whose offsets it knows
                os.environ["VMTRIAGE_CACHE_DIR"] = str(home / f"{name}-{series}-{number}")
                first.append(report_of(name, series, home)["inquiries"])
                again.append(report_of(name, series, home)["inquiries"])
            good = total(first) <= SECONDS
            kept = kept and good
            steps = "  ".join(f"{step['step']} {step['seconds']:.2f}" for step in first[0])
            print(f"{name:14} {series:5} first {total(first):5.2f} s, again {total(again):5.2f} s"
                  f"   {steps}{'' if good else '  BROKEN'}", flush=True)  # fmt: skip
        quick = report_of(*DUMPS[0], home, "--quick")["inquiries"]
        if any(step["status"] != "skipped" for step in quick):
            print("--quick asked on: BROKEN")
            kept = False
    print(f"further questions: {'kept' if kept else 'BROKEN'}: {SECONDS} s a dump")
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
