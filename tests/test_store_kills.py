"""Killed at random instants, again and again: the store stays whole and the next run finishes."""

import os
import random
import subprocess
import sys
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

from vmtriage.store.checking import check
from vmtriage.store.opening import open_database, open_store

KILLS = int(os.environ.get("VMTRIAGE_KILLS", "8"))
STEP = 6  # crashes on the share at first, and more whenever a run got through all of them


def start(url: str, site: Path, crashes: int) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "tests.store_writer", url, str(crashes), str(site)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def finish(url: str, site: Path, crashes: int) -> float:
    """How long it takes undisturbed."""
    site.mkdir(exist_ok=True)
    began = time.monotonic()
    run = start(url, site, crashes)
    assert run.communicate() == ("done\n", "")
    return time.monotonic() - began


def errors(url: str) -> list[str]:
    database = open_database(url)
    try:
        return [each.text for each in check(database) if each.gravity == "error"]
    finally:
        database.close()


def disturbed(url: str, site: Path, crashes: int, seconds: float) -> bool:
    """Two at once, killed together after a while; whether one of them came to its end before."""
    writers = [start(url, site, crashes) for _ in range(2)]
    with suppress(subprocess.TimeoutExpired):
        writers[0].wait(seconds)
    for each in writers:
        each.kill()
    ends = [(each.communicate(), each.returncode) for each in writers]
    assert all(code in (0, -9) for _, code in ends), ends
    return any(code == 0 for _, code in ends)


def test_no_kill_loses_a_crash_or_makes_a_second_ticket(store_url: str, tmp_path: Path) -> None:
    chance, crashes, site = random.Random(6), STEP, tmp_path / "site"
    usual = finish(f"sqlite:///{tmp_path}/measure.sqlite", tmp_path / "measure", STEP)
    site.mkdir()
    for _ in range(KILLS):
        if disturbed(store_url, site, crashes, chance.uniform(0.3, 1.5) * usual):
            crashes += STEP
        assert errors(store_url) == []
    finish(store_url, site, crashes)
    with open_store(store_url) as store:
        assert store.occurrences.total() == crashes
        assert {each.stage for each in store.occurrences.briefs()} == {"full"}
        assert [each.count for each in store.problems.all()] == [crashes // 3] * 3
        assert store.notifications.waiting() == ()
        assert store.changes.since(store.changes.written(str(site))) == ()
        for each in store.dumps.all():
            done = [tried.stage for tried in store.attempts.of(each.id) if tried.outcome == "ok"]
            # the log is not read any more where the other one got to the full triage first
            assert sorted(done) in (["full"], ["full", "log"]), store.attempts.of(each.id)
            assert all(tried.outcome for tried in store.attempts.of(each.id))
        for problem in store.problems.all():
            assert f"count={problem.count}" in (site / f"{problem.id}.html").read_text()
    tickets = Counter(each.name.partition(".")[0] for each in (site / "tickets").iterdir())
    assert set(tickets.values()) == {1}
    assert errors(store_url) == []
