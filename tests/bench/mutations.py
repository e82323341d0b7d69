"""Dumps damaged at random, seeded: each analysis ends in time with a report or a clear error.

Two of three have nothing but the dump: the namelist is made of what is left of it.

python -m tests.bench.mutations --count 300    all of them
python -m tests.bench.mutations --only 17,42   these again
"""

import argparse
import json
import os
import random
import shutil
import struct
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from fixtures import lab

BUDGET_S = 120.0
GRACE_S = 30.0  # beyond the budget: the rest of the pipeline, on a busy machine
FORMS = {"kdump": "vmcore", "elf": "vmcore.elf"}
KINDS = ("truncate", "flip", "zero", "noise")
CODES = (0, 65, 66, 69)
Regions = Mapping[str, tuple[int, int]]


@dataclass(frozen=True)
class Mutation:
    """One damage: `count` bytes from `at` on are cut, flipped by a bit, zeroed or noise."""

    number: int
    form: str
    kind: str
    region: str
    at: int
    count: int

    def __str__(self) -> str:
        return f"#{self.number} {self.form} {self.kind} {self.region} at {self.at} ({self.count})"


@dataclass(frozen=True)
class Outcome:
    """How the analysis of one ended; `wrong` is "" where it ended as it should."""

    mutation: Mutation
    code: int | None
    seconds: float
    rung: str
    verdict: str
    wrong: str


def regions(form: str, path: Path) -> Regions:
    """Where in the file the parts of a dump lie, in bytes."""
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(1 << 16)
    if form == "elf":
        count = struct.unpack_from("<H", head, 56)[0]
        table = 64 + 56 * count
        starts = [struct.unpack_from("<IIQQQQQQ", head, 64 + 56 * n) for n in range(count)]
        data = min(each[2] for each in starts if each[0] == 1)
        return {"header": (0, 64), "segments": (64, table), "notes": (table, data),
                "data": (data, size)}  # fmt: skip
    block, sub, bitmap = struct.unpack_from("<iii", head, 428)
    first = (1 + sub) * block
    pages = first + bitmap * block
    with path.open("rb") as file:
        file.seek(pages)
        data = struct.unpack("<q", file.read(8))[0]  # of the first page
    return {"header": (0, block), "sub header": (block, first), "bitmap": (first, pages),
            "descriptors": (pages, data), "data": (data, size)}  # fmt: skip


def mutations(seed: int, count: int, known: Mapping[str, Regions]) -> Iterator[Mutation]:
    """The same ones for the same seed; forms, kinds and regions in turn, places at random."""
    for number in range(count):
        dice = random.Random(f"{seed}/{number}")
        form = sorted(known)[number % len(known)]
        kind = KINDS[number // len(known) % len(KINDS)]
        region = dice.choice(sorted(known[form]))
        start, end = known[form][region]
        at = dice.randrange(start, end)
        most = {"flip": 8, "noise": 4096}.get(kind, 1 << dice.randrange(3, 24))
        yield Mutation(number, form, kind, region, at, min(dice.randint(1, most), end - at))


def apply(mutation: Mutation, source: Path, target: Path) -> None:
    """Writes the damaged copy."""
    shutil.copyfile(source, target)
    dice = random.Random(mutation.number)
    if mutation.kind == "truncate":
        os.truncate(target, mutation.at)
        return
    with target.open("r+b") as file:
        file.seek(mutation.at)
        old = file.read(mutation.count)
        file.seek(mutation.at)
        if mutation.kind == "flip":
            file.write(bytes(byte ^ 1 << dice.randrange(8) for byte in old))
        elif mutation.kind == "zero":
            file.write(bytes(len(old)))
        else:
            file.write(dice.randbytes(len(old)))


def judge(mutation: Mutation, dump: Path, vmlinux: Path | None, crash: Path) -> Outcome:
    """Analyzes the damaged dump as a user would, and says what is wrong with how that ended."""
    began = time.monotonic()
    words = ["analyze", dump, "--crash", crash, "--format", "json"]
    words += ["--vmlinux", vmlinux] if vmlinux else []
    try:
        done = subprocess.run(
            [sys.executable, "-m", "vmtriage", *map(str, words)],
            capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL,
            timeout=BUDGET_S + GRACE_S,
            env={**os.environ, "VMTRIAGE_BUDGET_S": str(BUDGET_S), "VMTRIAGE_CACHE_DIR": ""},
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return Outcome(mutation, None, time.monotonic() - began, "", "", "it did not end in time")
    seconds, wrong, rung, verdict = time.monotonic() - began, "", "", ""
    if done.returncode not in CODES:
        wrong = f"exit code {done.returncode}: {done.stderr[-200:]}"
    elif "Traceback" in done.stderr or "vmtriage broke" in done.stderr:
        wrong = f"a traceback: {done.stderr[-200:]}"
    elif done.returncode and len(done.stderr.strip().splitlines()) < 2:
        wrong = f"no next step: {done.stderr}"
    if done.stdout:
        try:
            report = json.loads(done.stdout)
            rung, verdict = report["rung"]["name"], report["verdict"]["class"]
        except (ValueError, KeyError, TypeError) as error:
            wrong = wrong or f"no report: {error}"
    if done.returncode == 0 and rung in ("", "header"):
        wrong = wrong or f"exit code 0 on rung {rung!r}"
    return Outcome(mutation, done.returncode, seconds, rung, verdict, wrong)


def sources() -> dict[str, Path]:
    """The whole dumps that are damaged, by form."""
    home = lab.build("sysrq").vmcore.parent
    return {form: home / name for form, name in FORMS.items() if (home / name).exists()}


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs them one after the other; 1 if one of them ended badly."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=300)
    parser.add_argument("--every", type=int, default=1, help="one of so many, as a sample")
    parser.add_argument("--only", default="", help="numbers, with commas between")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--vmlinux", type=Path, help="instead of the lab's: a slim one is faster")
    chosen = parser.parse_args(arguments)
    found, lab_dump = sources(), lab.build("sysrq")
    known = {form: regions(form, path) for form, path in found.items()}
    only = {int(each) for each in chosen.only.split(",") if each}
    crashes = lab.crash_binaries()
    outcomes = []
    with tempfile.TemporaryDirectory() as scratch:
        for mutation in mutations(chosen.seed, chosen.count, known):
            if (only and mutation.number not in only) or mutation.number % chosen.every:
                continue
            dump = Path(scratch) / "vmcore"
            apply(mutation, found[mutation.form], dump)
            alone = mutation.number % 3 and not chosen.vmlinux
            vmlinux = None if alone else chosen.vmlinux or lab_dump.vmlinux
            outcome = judge(mutation, dump, vmlinux, crashes[max(crashes)])
            outcomes.append(outcome)
            print(f"{mutation}: {outcome.code} {outcome.rung or '-'} {outcome.verdict or '-'}"
                  f" {outcome.seconds:.1f} s {outcome.wrong}", flush=True)  # fmt: skip
    bad = [each for each in outcomes if each.wrong]
    told = Counter((each.code, each.rung) for each in outcomes)
    print(f"{len(outcomes) - len(bad)} of {len(outcomes)} ended as they should;"
          f" slowest {max(each.seconds for each in outcomes):.1f} s; {dict(told)}")  # fmt: skip
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
