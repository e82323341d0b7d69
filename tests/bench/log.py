"""`python -m tests.bench.log`: how fast `vmtriage log` is, on one core, beside grep.

Made logs of ordinary lines; in the mixed one every tenth line belongs to a report, in the one of
lone lines every tenth is an I/O error. Measured as whole processes pinned to one core, each next
to `grep -cE` over the same patterns on the same file. The promises: 100 MB/s where nothing is
found, 25 MB/s with a tenth of interest, a start-up of 0.4 s above the bare interpreter, and ten
times the signatures for at most 1.3 times the cost.
"""

import argparse
import random
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from tests.bench.signatures import write as write_signatures
from vmtriage.analysis.klog.formats import FORMATS

ROOT = Path(__file__).parents[2]
CLEAN, MIXED, START, RATIO = 100.0, 25.0, 0.4, 1.3
_ORDINARY = (
    'audit: type=1400 audit(17000{0:05d}.123:456): apparmor="ALLOWED" operation="open"'
    ' profile="/usr/sbin/ntpd" name="/etc/hosts" pid={1} comm="ntpd"',
    "IPv6: ADDRCONF(NETDEV_CHANGE): veth{0}: link becomes ready",
    "systemd[1]: Started Session {0} of user root.",
    "docker0: port {0}(veth{1}) entered forwarding state",
    "EXT4-fs (dm-{0}): mounted filesystem with ordered data mode. Opts: (null)",
    "usb 1-{0}: new high-speed USB device number {1} using xhci_hcd",
    "TCP: veth{1}: Driver has suspect GRO implementation, TCP performance may be compromised.",
    "device veth{1} entered promiscuous mode",
)


def ordinary(rng: random.Random) -> Iterator[str]:
    """Lines of a healthy host, for ever."""
    stamp = 1.0
    while True:
        stamp += rng.random()
        text = rng.choice(_ORDINARY).format(rng.randrange(1000), rng.randrange(30000))
        yield f"[{stamp:12.6f}] {text}\n"


def reports() -> list[list[str]]:
    """The samples of the knowledge base: real forms, one report each."""
    paths = sorted((ROOT / "signatures").glob("*/*/hit-*/log.txt"))
    lines = [path.read_text("utf-8", "replace").splitlines(keepends=True) for path in paths]
    return [each for each in lines if len(each) > 1]


def write(path: Path, size: int, interesting: Callable[[int], Sequence[str]]) -> Path:
    """A log of about `size` bytes; interesting(n): what stands after n ordinary lines, if any."""
    rng = random.Random(1)
    lines = ordinary(rng)
    written = count = 0
    with path.open("w", encoding="utf-8") as file:
        while written < size:
            for line in (next(lines), *interesting(count)):
                written += file.write(line)
                count += 1
    return path


def mixed() -> Callable[[int], Sequence[str]]:
    """Reports, as often as makes a tenth of the lines."""
    rng, stock, owed = random.Random(2), reports(), [0.0]

    def lines(_: int) -> Sequence[str]:
        owed[0] += 1 / 9
        if owed[0] < 1:
            return ()
        report = rng.choice(stock)
        owed[0] -= len(report)
        return report

    return lines


def lone(count: int) -> Sequence[str]:
    """One I/O error for nine ordinary lines."""
    if count % 10 != 8:
        return ()
    letter = chr(97 + count // 10 % 26)
    return (f"[{count:12d}.000000] Buffer I/O error on dev sd{letter}1, logical block {count}\n",)


def timed(command: Sequence[str | Path], runs: int = 3) -> float:
    """Median wall seconds of one process on one core."""
    took = []
    for _ in range(runs):
        began = time.perf_counter()
        subprocess.run(
            ["taskset", "-c", "1", *command], check=False, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=ROOT,
        )  # fmt: skip
        took.append(time.perf_counter() - began)
    return statistics.median(took)


def vmtriage(*words: str | Path) -> list[str | Path]:
    """The command as a user's shell would start it."""
    return [Path(sys.executable).with_name("vmtriage"), "log", "--format", "jsonl", *words]


def grep(path: Path) -> list[str | Path]:
    """grep over every form's pattern, in grep's own spelling."""
    spelled = (re.sub(r"\(\?P<\w+>|\(\?:", "(", form.pattern) for form in FORMATS)
    plain = (re.sub(r"\\d", "[0-9]", re.sub(r"([*+?}])\?", r"\1", each)) for each in spelled)
    return ["grep", "-cE", "|".join(f"({each})" for each in plain), path]


def main() -> int:
    """Prints the table; 1 if a promise is broken."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=int, default=100, help="size of each log")
    size = parser.parse_args().megabytes * 1_000_000
    broken = 0
    with tempfile.TemporaryDirectory() as folder:
        base = Path(folder)
        small = write(base / "small.log", 20_000, mixed())
        timed(vmtriage(small))  # writes the signatures' cache, reads the files
        bare, start = timed([sys.executable, "-c", "pass"], 7), timed(vmtriage(small), 7)
        broken += start - bare > START
        print(f"start-up   {start:6.3f} s, bare interpreter {bare:.3f} s: +{start - bare:.3f} s")
        logs = (
            ("nothing found", write(base / "clean.log", size, lambda _: ()), CLEAN),
            ("a tenth reports", write(base / "mixed.log", size, mixed()), MIXED),
            ("a tenth lone lines", write(base / "lone.log", size, lone), MIXED),
        )
        for name, path, promise in logs:
            bytes_ = path.stat().st_size
            own, other = timed(vmtriage(path)), timed(grep(path), 1)
            speed = bytes_ / own / 1e6
            broken += speed < promise
            print(
                f"{name:20} {speed:6.1f} MB/s (promised {promise:.0f}); grep -cE of the same"
                f" patterns {bytes_ / other / 1e6:6.1f} MB/s: {other / own:.1f} times its speed"
            )
        costs = []
        for count in (80, 800):
            knowledge = write_signatures(base / f"signatures-{count}", count)
            command = vmtriage("--signatures", knowledge, logs[1][1])
            timed(command, 1)
            costs.append(timed(command))
        ratio = costs[1] / costs[0]
        broken += ratio > RATIO
        print(f"signatures 80: {costs[0]:.2f} s, 800: {costs[1]:.2f} s: {ratio:.2f} times")
    return min(broken, 1)


if __name__ == "__main__":
    sys.exit(main())
