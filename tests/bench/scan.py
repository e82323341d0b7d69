"""`python -m tests.bench.scan`: what a scan costs where nearly everything is done, and its pace.

A share with 10,000 triaged dumps and 5 new ones. The promise: what to do is decided within 2 s and
150 MB, with at most 2 stat calls for each known dump; the site after one more dump is written
within a second. Then lab dumps, one after the other and two at once on two cores: 1.8 times
the throughput at least. `--kills 200`: scans killed at random instants too.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from fixtures import lab
from tests import fleet, scanning
from vmtriage.cli.scan_watch import Silent
from vmtriage.fleet.scan.options import Options, prepared
from vmtriage.fleet.share import find, identify
from vmtriage.models.found import Found
from vmtriage.models.occurrence import Occurrence
from vmtriage.store.base import Store
from vmtriage.store.opening import open_store

KNOWN, NEW = 10_000, 5
SECONDS, MEGABYTES, STATS, PACE, SITE = 2.0, 150, 2.0, 1.8, 1.0
_OWN = ("host", "crash_time", "first_seen", "release", "distro", "hardware", "firmware")
SCENARIOS = (
    "sysrq", "null", "panic", "bug", "uaf", "double_free", "hung", "softlockup", "hung_abba",
    "hung_rwsem", "hung_across", "hung_frozen", "cfs_lockup", "cfs_nested", "cfs_service",
    "cfs_docker", "cfs_podman", "leak", "list", "nmi", "oom", "oom_memcg", "oom_shmem", "pnt",
)  # fmt: skip


def lay(site: scanning.Site, count: int) -> None:
    """Triaged dumps of 2000 hosts, by the store: never read here. Half are of one problem."""
    began = time.monotonic()
    crashes = {each.place: each for each in fleet.fleet(count, hosts=2000)}
    big = next(iter(crashes.values()))
    for number, each in enumerate(crashes.values()):
        directory = site.share / each.place
        directory.mkdir(parents=True)
        (directory / "vmcore").write_bytes(b"KDUMP   %d" % number)
        (directory / "vmcore-dmesg.txt").write_text(f"{number}\n")
        scanning.aged(directory / "vmcore")
    with open_store(site.store) as store:
        for number, found in enumerate(find(site.share)):
            each = crashes[found.place]
            note(
                store,
                found,
                big.model_copy(update={name: getattr(each, name) for name in _OWN})
                if number % 2
                else each,
            )
    print(f"{count} dumps laid out and noted in {time.monotonic() - began:.0f} s", flush=True)


def note(store: Store, found: Found, crash: Occurrence) -> None:
    """As a scan that has read it."""
    identity = identify(found)
    store.places.note(found, identity)
    changes = {"dump": identity.id, "share": found.share, "place": found.place}
    store.occurrences.put(crash.model_copy(update=changes))


def one_more(site: scanning.Site) -> bool:
    """The pages after one more dump of the biggest problem, by the store. The median of three."""
    options = Options(shares=(site.share,), site=site.out, store=site.store)
    times, files = [], 0
    with prepared(options, Silent()) as ready:
        store, publisher = ready.hands.store, ready.hands.publisher
        publisher.publish()
        big = Counter(each.problem for each in store.occurrences.briefs()).most_common(1)[0][0]
        any_of = store.occurrences.of_problem(big)[0]
        for _ in range(3):
            now = datetime.now(UTC)
            place = f"{any_of.host}-{now:%Y-%m-%d-%H:%M:%S}"
            vmcore = site.share / place / "vmcore"
            vmcore.parent.mkdir(parents=True)
            vmcore.write_bytes(b"KDUMP   " + place.encode())
            scanning.aged(vmcore)
            found = next(each for each in find(site.share) if each.place == place)
            note(store, found, any_of.model_copy(update={"crash_time": now, "first_seen": now}))
            began = time.monotonic()
            files = publisher.publish().pages
            times.append(time.monotonic() - began)
            time.sleep(1.1)  # for the next place's name
    took = sorted(times)[1]
    kept = took <= SITE
    print(f"the site after one more: {took:.2f} s, {files} files ({'kept' if kept else 'BROKEN'})")
    return kept


def measured(site: scanning.Site, *more: str) -> tuple[float, int, str]:
    """Seconds, the most memory of the scan itself in MB, what it printed."""
    began = time.monotonic()
    process = site.start(*more)
    assert process.stdout
    assert process.stderr
    said, complaint = process.stdout.read(), process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    assert status == 0, complaint
    return time.monotonic() - began, usage.ru_maxrss >> 10, said


def decide(site: scanning.Site) -> bool:
    """A dry run: find, ask the store, decide. The best of three: others work here, too."""
    runs = [measured(site, "--dry-run") for _ in range(3)]
    for _, _, said in runs:
        assert said.count("identify ") == NEW, said[-2000:]
        assert f" of {KNOWN + 3 + NEW} are done" in said
    wall, peak = min(each[0] for each in runs), max(each[1] for each in runs)
    kept = wall <= SECONDS and peak <= MEGABYTES
    print(
        f"deciding on {KNOWN} known and {NEW} new dumps: {wall:.2f} s, the start of Python"
        f" included, {peak} MB ({'kept' if kept else 'BROKEN'})"
    )
    return kept


def stats(site: scanning.Site) -> bool:
    """The same under strace."""
    if shutil.which("strace") is None:
        print("stat calls: not counted, there is no strace")
        return True
    told = site.home / "calls"
    calls = "trace=stat,lstat,newfstatat,statx,open,openat"
    subprocess.run(
        ["strace", "-f", "-o", told, "-e", calls, *site.command("--dry-run")],
        check=True, capture_output=True, env={**os.environ, "HOME": str(site.home)},
    )  # fmt: skip
    share = re.escape(str(site.share))
    names = {path.name for path in site.share.iterdir()}
    on_share = asked = opened = 0
    for line in told.open(errors="replace"):
        # below an opened directory only the name is told
        named = re.search(r'"([^"]*)"', line)
        here = named and (re.match(share, named[1]) or named[1].split("/")[0] in names)
        is_stat = re.match(r"\d+ +(stat|lstat|newfstatat|statx)\(", line)
        on_share += bool(here)
        asked += bool(here and is_stat) or bool(is_stat and named and named[1] == "vmcore")
        opened += bool(here and re.match(r"\d+ +open", line))
    each = asked / (KNOWN + NEW)
    kept = each <= STATS
    print(
        f"stat calls: {each:.2f} for each dump, {opened / (KNOWN + NEW):.2f} directories opened"
        f" ({'kept' if kept else 'BROKEN'})"
    )
    return kept


def scans(site: scanning.Site, *what: str) -> None:
    """Whole scans, one for each of these."""
    for words in what:
        seconds, peak, said = measured(site)
        print(f"{words}: {seconds:.2f} s, {peak} MB: {said.strip() or 'silent'}", flush=True)


def lay_lab(site: scanning.Site, scenarios: Sequence[str], day: int) -> int:
    """Lab dumps of both cgroup versions on the share; how many."""
    dumps = [lab.build(name, cgroup=cgroup) for name in scenarios for cgroup in (1, 2)]
    for number, dump in enumerate(dumps):
        directory = site.share / f"host-{number}-2026-01-{day:02}-15:00:{number:02}"
        directory.mkdir(parents=True)
        os.link(dump.vmcore.resolve(), directory / "vmcore")
    return len(dumps)


def pace(home: Path) -> bool:
    """Lab dumps by a scan on one core, one after the other, and by a scan on two.

    Store and caches are those of every day: one dump goes before. On two cores even a single
    analysis keeps more than one busy, since crash and we work side by side: that time is told too.
    """
    took = {}
    both = set(sorted(os.sched_getaffinity(0))[:2])
    for way, cores, jobs in (("one", {min(both)}, 1), ("alone", both, 1), ("two", both, 2)):
        site = scanning.Site(home / way)
        site.environment = {"VMTRIAGE_CRASH": str(lab.crash_binaries()["8.0.6"])}
        lay_lab(site, ["spin_owner"], 1)
        assert site.scan("--settle", "0").returncode == 0
        count = lay_lab(site, SCENARIOS, 2)
        os.sched_setaffinity(0, cores)
        began = time.monotonic()
        done = site.scan("--jobs", str(jobs), "--settle", "0")
        took[way] = time.monotonic() - began
        os.sched_setaffinity(0, both)
        assert f"{count} in full" in done.stdout, done.stdout + done.stderr
    times = took["one"] / took["two"]
    kept = times >= PACE
    print(
        f"{count} lab dumps: {took['one']:.1f} s one after the other on one core, {took['two']:.1f}"
        f" s on two: {times:.2f} times the throughput ({'kept' if kept else 'BROKEN'});"
        f" {took['alone']:.1f} s on two cores, one after the other"
    )
    return kept


def kills(count: int) -> bool:
    """The fault tests' own loop, longer."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "tests/test_scan_faults.py", "-k", "instant"],
        env={**os.environ, "VMTRIAGE_KILLS": str(count)}, check=False,
    )  # fmt: skip
    print(f"{count} kills: {'kept' if done.returncode == 0 else 'BROKEN'}")
    return done.returncode == 0


def main() -> int:
    """0 when every promise is kept."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--kills", type=int, default=200)
    options.add_argument("--only", choices=("decide", "pace", "kills"))
    chosen = options.parse_args()
    kept = []
    with tempfile.TemporaryDirectory(prefix="bench-scan-") as home:
        if chosen.only in (None, "decide"):
            site = scanning.Site(Path(home) / "many")
            lay(site, KNOWN)
            scans(site, "the first one, which writes the whole site", "with nothing to do")
            kept.append(one_more(site))
            for number in range(NEW):
                site.log(number)
            kept += [decide(site), stats(site)]
            scans(site, f"with {NEW} new logs")
        if chosen.only in (None, "pace"):
            kept.append(pace(Path(home)))
        if chosen.only in (None, "kills"):
            kept.append(kills(chosen.kills))
    return 0 if all(kept) else 1


if __name__ == "__main__":
    raise SystemExit(main())
