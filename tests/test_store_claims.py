"""Who works on what: never two at once, whoever dies and whatever a clock does."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace

import pytest
from sqlalchemy import Connection

from tests.crashes import found, identity, occurrence
from vmtriage.errors import ClaimLost
from vmtriage.store.base import Store
from vmtriage.store.claims import Claims
from vmtriage.store.database import Database
from vmtriage.store.engine import make_engine
from vmtriage.store.location import url_of
from vmtriage.store.opening import open_store, store_of
from vmtriage.store.rows import Ended, Worker
from vmtriage.store.workers import is_alive, started_of, this_worker

ELSEWHERE = Worker("far", 1, 2, "of-another-machine", "pid:[1]")


@contextmanager
def living() -> "Iterator[tuple[Worker, Callable[[], None]]]":
    """Another process of this machine, and how to kill it."""
    process = subprocess.Popen(["sleep", "infinity"])

    def kill() -> None:
        process.kill()
        process.wait()

    try:
        yield replace(this_worker(), pid=process.pid, started=started_of(process.pid) or 0), kill
    finally:
        kill()


class Timed(Database):
    """A database whose clock the test moves."""

    seconds = 1000.0

    def clock(self, connection: Connection) -> float:  # noqa: ARG002
        return self.seconds


@pytest.fixture
def timed(store_url: str) -> "Iterator[Timed]":
    open_store(store_url).close()
    database = Timed(make_engine(url_of(store_url), read_only=False), "test")
    yield database
    database.close()


def test_one_worker_gets_it_until_he_gives_it_back(store: Store) -> None:
    me = this_worker()
    claim = store.claims.claim("d1", "full", me, 60)
    assert claim is not None
    assert store.claims.claim("d1", "full", me, 60) is None
    assert store.claims.claim("d1", "log", me, 60) is not None
    assert store.claims.claim("d2", "full", me, 60) is not None
    store.claims.release(claim)
    store.claims.release(claim)
    assert not store.claims.holds(claim)
    again = store.claims.claim("d1", "full", me, 60)
    assert again is not None
    assert again.token > claim.token
    store.claims.release(claim)  # an old one does not free the new one
    assert store.claims.holds(again)


def test_a_worker_that_lives_keeps_its_claim_whatever_the_clock_says(timed: Timed) -> None:
    claims = Claims(timed)
    with living() as (other, kill):
        claim = claims.claim("d1", "full", other, 60)
        assert claim is not None
        timed.seconds += 1e9
        assert claims.claim("d1", "full", this_worker(), 60) is None
        timed.seconds -= 2e9
        kill()
        taken = claims.claim("d1", "full", this_worker(), 60)
        assert taken is not None
        assert not claims.holds(claim)
        assert not claims.extend(claim, 60)


def test_a_worker_whose_number_another_process_has_now_is_dead(store: Store) -> None:
    reused = replace(this_worker(), started=1)
    assert is_alive(reused) is False
    assert store.claims.claim("d1", "full", reused, 3600)
    assert store.claims.claim("d1", "full", this_worker(), 60)


def test_a_worker_of_another_container_keeps_its_claim_until_its_lease_is_over(
    timed: Timed,
) -> None:
    claims, container = Claims(timed), replace(this_worker(), pid_namespace="pid:[7]", pid=1)
    claim = claims.claim("d1", "full", container, 60)
    assert claim is not None
    timed.seconds += 59
    assert claims.claim("d1", "full", this_worker(), 60) is None
    assert claims.extend(claim, 60)
    timed.seconds += 59
    assert claims.claim("d1", "full", this_worker(), 60) is None
    timed.seconds += 1
    assert claims.claim("d1", "full", this_worker(), 60)
    assert not claims.extend(claim, 60)


def test_another_boot_is_another_machine_only_where_machines_share_the_store(timed: Timed) -> None:
    """SQLite lies on a local disk: another boot of this machine is over."""
    claims = Claims(timed)
    assert claims.claim("d1", "full", ELSEWHERE, 60)
    taken = claims.claim("d1", "full", this_worker(), 60)
    assert (taken is not None) == timed.is_sqlite
    timed.seconds += 60
    assert claims.claim("d2", "full", ELSEWHERE, 60)
    assert timed.is_sqlite or claims.claim("d1", "full", this_worker(), 60)


def test_the_clock_of_leases_runs_by_itself(store_url: str) -> None:
    with open_store(store_url) as opened:
        database = Database(make_engine(url_of(store_url), read_only=False), "test")
        with database.read() as connection:
            assert database.clock(connection) > 0
            assert database.clock(connection) >= database.clock(connection) - 1
        database.close()
        assert opened.claims.claim("d1", "full", replace(ELSEWHERE, boot_id=""), 0)
        assert opened.claims.claim("d1", "full", this_worker(), 0)


def test_whoever_lost_a_claim_cannot_write_any_more(timed: Timed) -> None:
    store = store_of(timed)
    store.places.note(found(), identity())
    with living() as (other, kill):
        old = store.claims.claim("d1", "full", other, 60)
        assert old is not None
        attempt = store.attempts.begin(old)
        kill()
        new = store.claims.claim("d1", "full", this_worker(), 60)
    assert new is not None
    lost = store.attempts.of("d1")
    assert [(each.outcome, each.reason) for each in lost] == [
        ("retry", "its worker died or was killed")
    ]
    for late in (
        lambda: store.occurrences.put(occurrence(), old),
        lambda: store.attempts.begin(old),
        lambda: store.attempts.end(attempt, Ended("ok"), old),
    ):
        with pytest.raises(ClaimLost, match="another worker"):
            late()
    assert store.occurrences.total() == 0
    assert store.occurrences.put(occurrence(), new)
    store.attempts.end(store.attempts.begin(new), Ended("ok"), new)
    assert [each.outcome for each in store.attempts.of("d1")] == ["retry", "ok"]


def test_where_nobody_can_tell_the_boot_the_lease_counts(timed: Timed) -> None:
    claims, unknown = Claims(timed), replace(this_worker(), boot_id="")
    assert claims.claim("d1", "full", unknown, 60)
    assert claims.claim("d1", "full", this_worker(), 60) is None
    timed.seconds += 60
    assert claims.claim("d1", "full", this_worker(), 60)


def test_what_the_dead_held_is_swept_and_what_the_living_hold_is_not(store: Store) -> None:
    store.places.note(found(), identity())
    dead = store.claims.claim("d1", "full", replace(this_worker(), started=1), 60)
    living = store.claims.claim("d2", "full", this_worker(), 60)
    assert dead is not None
    assert living is not None
    store.attempts.begin(dead)
    assert (store.claims.sweep(), store.claims.sweep()) == (1, 0)
    assert not store.claims.holds(dead)
    assert store.claims.holds(living)
    assert [each.outcome for each in store.attempts.of("d1")] == ["retry"]


def test_a_result_and_the_end_of_its_attempt_are_one(store: Store) -> None:
    store.places.note(found(), identity())
    claim = store.claims.claim("d1", "full", this_worker(), 60)
    assert claim is not None
    attempt = store.attempts.begin(claim)
    store.occurrences.put(occurrence(), claim, ended=Ended("ok", 0, seconds=2.0))
    store.attempts.end(attempt, Ended("retry", 75))
    (only,) = store.attempts.of("d1")
    assert (only.outcome, only.exit_code, only.seconds) == ("ok", 0, 2.0)


def test_an_attempt_begins_once_and_its_first_end_stands(store: Store) -> None:
    store.places.note(found(), identity())
    claim = store.claims.claim("d1", "full", this_worker(), 60)
    assert claim is not None
    attempt = store.attempts.begin(claim)
    assert store.attempts.begin(claim) == attempt
    store.attempts.end(attempt, Ended("retry", 75, "ESTALE", 3.0))
    store.attempts.end(attempt, Ended("ok"))
    (only,) = store.attempts.of("d1")
    assert (only.outcome, only.exit_code, only.reason, only.seconds) == ("retry", 75, "ESTALE", 3.0)
    assert store.attempts.failures("d1", "full") == 1
    assert store.attempts.failures("d1", "log") == 0
    second = store.attempts.begin(claim)
    assert store.attempts.failures("d1", "full") == 2  # one that runs may be its last
    store.attempts.end(second, Ended("ok"))
    assert store.attempts.failures("d1", "full") == 0


_RACE = """
import sys
from vmtriage.store.opening import open_store
from vmtriage.store.workers import this_worker
with open_store(sys.argv[1]) as store:
    sys.stdin.readline()
    got = [n for n in range(40) if store.claims.claim(f"d{n}", "full", this_worker(), 60)]
    print(*got, flush=True)
    sys.stdin.readline()
"""


def test_of_processes_that_race_each_thing_goes_to_one(store_url: str) -> None:
    """They also make the store, all at once."""
    racers = [
        subprocess.Popen(
            [sys.executable, "-c", _RACE, store_url],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(4)
    ]
    for step in (True, False):
        for each in racers:
            assert each.stdin
            each.stdin.write("go\n")
            each.stdin.flush()
        if step:
            got = [int(word) for each in racers for word in _line(each).split()]
    assert sorted(got) == list(range(40))
    for each in racers:
        each.communicate()
        assert each.returncode == 0


def _line(process: "subprocess.Popen[str]") -> str:
    assert process.stdout
    return process.stdout.readline()


def test_threads_of_one_process_race_the_same_way(store: Store) -> None:
    def grab(number: int) -> bool:
        return store.claims.claim(f"d{number % 10}", "full", this_worker(), 60) is not None

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(grab, range(80))) == 10
