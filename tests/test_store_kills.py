"""Killed at random instants, again and again: the store stays whole and the next run finishes."""

import random
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

from vmtriage.store.checking import check
from vmtriage.store.opening import open_database, open_store

CRASHES, KILLS = 12, 25


def start(url: str, site: Path) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "tests.store_writer", url, str(CRASHES), str(site)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def errors(url: str) -> list[str]:
    database = open_database(url)
    try:
        return [each.text for each in check(database) if each.gravity == "error"]
    finally:
        database.close()


def killed_somewhere(url: str, site: Path, chance: random.Random, usual: float) -> bool:
    """Two at once, killed together; whether one of them came to its end before."""
    writers = [start(url, site) for _ in range(2)]
    deadline = time.monotonic() + chance.uniform(0.2, 1.2) * usual
    while time.monotonic() < deadline and any(each.poll() is None for each in writers):
        time.sleep(0.01)
    for each in writers:
        each.kill()
    ends = [(each.communicate(), each.returncode) for each in writers]
    assert all(code in (0, -9) for _, code in ends), ends
    return any(code == 0 for _, code in ends)


def test_no_kill_loses_a_crash_or_makes_a_second_ticket(store_url: str, tmp_path: Path) -> None:
    chance = random.Random(6)
    began = time.monotonic()
    done = start(f"sqlite:///{tmp_path}/measure.sqlite", tmp_path).communicate()[0]
    assert done == "done\n"
    usual = time.monotonic() - began
    site = tmp_path / "site"
    site.mkdir()
    for _ in range(KILLS):
        finished = killed_somewhere(store_url, site, chance, usual)
        assert errors(store_url) == []
        if finished:
            break
    last = start(store_url, site)
    assert last.communicate()[0] == "done\n"
    with open_store(store_url) as store:
        assert store.occurrences.total() == CRASHES
        assert {each.stage for each in store.occurrences.briefs()} == {"full"}
        assert [each.count for each in store.problems.all()] == [CRASHES // 3] * 3
        assert store.notifications.waiting() == ()
        assert store.changes.since(store.changes.written(str(site))) == ()
        for each in store.dumps.all():
            assert store.attempts.of(each.id)[-1].outcome == "ok"
        for problem in store.problems.all():
            assert f"count={problem.count}" in (site / f"{problem.id}.html").read_text()
    tickets = Counter(each.name.partition(".")[0] for each in (site / "tickets").iterdir())
    assert set(tickets.values()) == {1}
    assert errors(store_url) == []
