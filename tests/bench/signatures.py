"""`python -m tests.bench.signatures`: what many signatures cost, 80 against 800.

The signatures are the bundled ones and copies of them with other names and words, written as
YAML. Measured in processes of their own: start-up without and with the cache, and a run over the
recorded incidents of fixtures/captures: parse, classify, match. Prints each and the ratio.
The promise: ten times the signatures cost a run at most 1.3 times; 110 of them cost 0.1 s.
"""

import argparse
import json
import re
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from ruamel.yaml import YAML

from tests.bench.many import varied
from vmtriage.analysis.signatures import load

ROOT = Path(__file__).parents[2]
CAPTURES = ROOT / "fixtures" / "captures"
RATIO, SECONDS = 1.3, 0.1
# What a run does, in a fresh process: nothing is warm but the page cache.
RUN = """
import json, sys, time
from pathlib import Path
from vmtriage.models.signature import Signature
from vmtriage.parsers.table import parse
from vmtriage.analysis.samples import view_of, with_log_facts
from vmtriage.models.evidence import Facts
began = time.perf_counter()
from vmtriage.analysis.knowledge import Knowledge
from vmtriage.analysis.signatures import load
knowledge = Knowledge(load(Path(sys.argv[1]), cache=Path(sys.argv[2])))
revision = knowledge.revision
loaded = time.perf_counter()
matching = found = 0
for log in sys.argv[3:]:
    text = Path(log).read_text("utf-8", "backslashreplace")
    view = view_of(with_log_facts(Facts(log=parse("log", text))))
    asked = time.perf_counter()
    found += len(knowledge.match_view(view))
    matching += time.perf_counter() - asked
print(json.dumps({"load": loaded - began, "match": matching, "found": found,
                  "run": time.perf_counter() - began}))
"""


def write(directory: Path, count: int) -> Path:
    """A knowledge base of `count` signatures on disk."""
    yaml = YAML(typ="safe", pure=True)
    for number, data in enumerate(varied(load(), count)):
        folder = directory / str(data["subsystem"]) / str(data["id"])
        folder.mkdir(parents=True)
        with (folder / "signature.yaml").open("w", encoding="utf-8") as file:
            yaml.dump(data, file)
        assert re.fullmatch(r"[\w.-]+", str(data["id"])), number
    return directory


def run(signatures: Path, cache: Path, logs: list[str]) -> dict[str, float]:
    """One process over all logs."""
    done = subprocess.run(
        [sys.executable, "-c", RUN, signatures, cache, *logs],
        cwd=ROOT, check=True, capture_output=True, text=True,
    )  # fmt: skip
    measured: dict[str, float] = json.loads(done.stdout)
    return measured


def main() -> int:
    """0 when the promise is kept."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--repeat", type=int, default=10, help="how often each log is read")
    chosen = options.parse_args()
    logs = [str(path) for path in sorted(CAPTURES.glob("*/log.txt"))] * chosen.repeat
    medians: dict[int, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as scratch:
        for count in (80, 110, 800):
            directory = write(Path(scratch) / str(count), count)
            cold = run(directory, Path(scratch) / "cache", logs[:1])
            rounds = [run(directory, Path(scratch) / "cache", logs) for _ in range(chosen.rounds)]
            medians[count] = {
                key: statistics.median(each[key] for each in rounds) for key in rounds[0]
            }
            said = ", ".join(
                f"{key} {medians[count][key]:.3f} s" for key in ("load", "match", "run")
            )
            print(
                f"{count} signatures, {len(logs)} logs: {said}; load from YAML {cold['load']:.3f} s"
            )
    ratio = medians[800]["run"] / medians[80]["run"]
    good = ratio <= RATIO and medians[110]["load"] <= SECONDS
    print(
        f"run with 800 : run with 80 = {ratio:.2f}; start-up with 110: {medians[110]['load']:.3f} s"
        f" ({'kept' if good else 'BROKEN'}: {RATIO} times and {SECONDS} s)"
    )
    return 0 if good else 1


if __name__ == "__main__":
    raise SystemExit(main())
