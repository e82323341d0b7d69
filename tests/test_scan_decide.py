"""What is done with a crash, and what becomes of it afterwards: rules without any I/O."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vmtriage.fleet.scan.decide import Rules, decide
from vmtriage.fleet.scan.executor import Ended, Job
from vmtriage.fleet.scan.outcome import judge
from vmtriage.fleet.scan.policy import Policy, after, delay, lacking, last_line
from vmtriage.fleet.scan.servers import server_in
from vmtriage.fleet.scan.summary import Summary
from vmtriage.fleet.share import Patience
from vmtriage.models.found import Found, FoundFile, FoundKind
from vmtriage.models.occurrence import Stage
from vmtriage.store.rows import Seen

NOW = datetime(2026, 1, 2, 15, 0, tzinfo=UTC)
OLD = NOW - timedelta(days=3)
POLICY = Policy()


def found(kind: FoundKind = "vmcore", mtime: datetime = OLD, size: int = 7) -> Found:
    file = FoundFile(path="/crash/a/vmcore", size=size, mtime_ns=int(mtime.timestamp() * 1e9))
    return Found(share="/crash", place="a", layout="rhel", kind=kind, files=(file,))


def seen(of: Found, **more: object) -> Seen:
    row = Seen(
        place=of.place, stamp=of.stamp, since=OLD, kind=of.kind, dump="d", stage="full",
        retry_at=None, quarantined=False, gone=False,
    )  # fmt: skip
    return replace(row, **more)  # type: ignore[arg-type]


IT = found()
HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("known", "action"),
    [
        (None, "identify"),
        (seen(IT), "known"),
        (seen(IT, stage=None), "log"),
        (seen(IT, stage="log"), "full"),
        (seen(IT, stage="log", retry_at=NOW + HOUR), "retry"),
        (seen(IT, stage="log", retry_at=NOW - HOUR), "full"),
        (seen(IT, stage=None, quarantined=True), "quarantined"),
        (seen(IT, dump=None, since=OLD), "identify"),
        (seen(IT, dump=None, since=NOW), "wait"),
        (seen(IT, stamp="vmcore:1:1"), "wait"),  # its files changed just now
    ],
)
def test_by_what_the_store_has(known: Seen | None, action: str) -> None:
    assert decide(IT, known, NOW).action == action


def test_a_log_alone_is_done_with_its_log() -> None:
    log = found("log")
    assert decide(log, seen(log, stage="log"), NOW).action == "known"


def test_who_insists_is_heard() -> None:
    rules = Rules(insist=True)
    assert decide(IT, seen(IT, stage="log", quarantined=True), NOW, rules).action == "full"
    assert decide(IT, seen(IT, stage=None, retry_at=NOW + HOUR), NOW, rules).action == "log"


def test_a_new_dump_is_waited_for_until_it_stands_still() -> None:
    young = found(mtime=NOW)
    assert decide(young, None, NOW).action == "wait"
    before = seen(young, dump=None, since=NOW)
    patience = Rules(Patience(settled=30))
    assert decide(young, before, NOW + timedelta(seconds=29), patience).action == "wait"
    assert decide(young, before, NOW + timedelta(seconds=31), patience).action == "identify"


@given(st.timedeltas(timedelta(days=2), timedelta(days=4000)))
def test_a_clock_that_jumped_back_blocks_nothing(jump: timedelta) -> None:
    put_off = seen(IT, stage="log", retry_at=NOW + jump)
    assert decide(IT, put_off, NOW).action == "full"
    waiting = seen(found(mtime=NOW), dump=None, since=NOW + jump)
    assert decide(found(mtime=NOW), waiting, NOW).action == "identify"


def test_what_is_back_is_noted() -> None:
    assert decide(IT, seen(IT, gone=True), NOW).fresh
    assert not decide(IT, seen(IT), NOW).fresh


JOB = Job("d", ("vmtriage",), Path("/nowhere"), 60.0)


@pytest.mark.parametrize(
    ("ended", "patience"),
    [
        (Ended(JOB, 75, 1.0, "vmtriage: cannot write"), POLICY.transient),
        (Ended(JOB, 66, 1.0, "vmtriage: /x: Stale file handle"), POLICY.transient),
        (Ended(JOB, 70, 1.0, "OSError: [Errno 5] Input/output error"), POLICY.transient),
        (Ended(JOB, 69, 1.0, "vmtriage: crash(8) not found"), POLICY.transient),
        (Ended(JOB, 78, 1.0, "vmtriage: bad signature"), POLICY.transient),
        (Ended(JOB, 65, 1.0, "vmtriage: no dump"), POLICY.bad_data),
        (Ended(JOB, 66, 1.0, "vmtriage: permission"), POLICY.bad_data),
        (Ended(JOB, 70, 1.0, "vmtriage broke"), POLICY.broken),
        (Ended(JOB, -11, 1.0), POLICY.broken),
        (Ended(JOB, -9, 60.0, killed="deadline"), POLICY.late),
        (Ended(JOB, -9, 60.0, killed="memory"), POLICY.broken),
    ],
)
def test_how_often_it_is_tried(ended: Ended, patience: int) -> None:
    last = after(ended, patience - 1, NOW, POLICY)
    assert last is not None
    assert last.fate == "retry"
    assert last.at is not None
    assert last.at > NOW
    given_up = after(ended, patience, NOW, POLICY)
    assert given_up is not None
    assert (given_up.fate, given_up.at) == ("quarantine", None)
    assert given_up.reason


def test_a_stopped_scan_is_nobodys_fault() -> None:
    assert after(Ended(JOB, -15, 1.0, killed="stopped"), 1000, NOW, POLICY) is None


@given(st.integers(1, 10_000), st.text(max_size=20))
def test_longer_each_time_up_to_a_limit_and_not_all_at_once(attempt: int, key: str) -> None:
    wait = delay(key, attempt, POLICY).total_seconds()
    most = POLICY.longest_retry_s * (1 + POLICY.jitter)
    assert POLICY.first_retry_s * (1 - POLICY.jitter) <= wait <= most
    if attempt < 8:
        assert delay(key, attempt + 1, POLICY).total_seconds() > wait


def test_without_a_namelist_it_is_tried_again_the_next_day() -> None:
    told = lacking("d", 1, NOW, "no vmlinux", POLICY)
    assert told.at is not None
    assert timedelta(hours=19) < told.at - NOW < timedelta(hours=29)


@pytest.mark.parametrize(
    ("stage", "kind", "code", "words", "word"),
    [
        ("log", "vmcore", 65, "vmtriage: no log in it", "failed"),  # crash may do better, at once
        ("log", "vmcore", 75, "vmtriage: share is away", "retry"),
        ("log", "log", 65, "vmtriage: no log", "retry"),
        ("full", "vmcore", 65, "vmtriage: no dump", "retry"),
        ("full", "vmcore", 0, "", "retry"),  # it says all is well, but left no report
    ],
)
def test_what_an_end_means(stage: Stage, kind: FoundKind, code: int, words: str, word: str) -> None:
    judged = judge(Ended(JOB, code, 1.0, words), None, stage, kind, 1, NOW, POLICY)
    assert judged.word == word
    assert judged.ended.retry_at is None or word == "retry"


def test_the_line_that_says_what_was_wrong() -> None:
    words = "Traceback\nvmtriage: not a dump\n  copy it again"
    assert last_line(words) == "not a dump"
    assert last_line("\n") == ""


MOUNTS = r"""22 1 8:1 / / rw - ext4 /dev/sda1 rw
40 22 0:40 / /srv rw - tmpfs tmpfs rw
41 40 0:41 / /srv/crash rw - nfs4 filer1:/export/crash rw
42 40 0:42 / /srv/old\040crash rw - nfs [2001:db8::1]:/export/old rw
43 40 0:43 / /srv/win rw - cifs //filer2/crash rw
"""


@pytest.mark.parametrize(
    ("share", "server"),
    [
        ("/srv/crash/el7", "filer1"),
        ("/srv/old crash", "[2001:db8::1]"),
        ("/srv/win", "filer2"),
        ("/srv/crashes", "/srv/crashes"),
        ("/var/crash", "/var/crash"),
    ],
)
def test_shares_of_one_server(share: str, server: str) -> None:
    assert server_in(MOUNTS, share) == server


@pytest.mark.parametrize(
    ("summary", "code"),
    [
        (Summary(crashes=7), 0),
        (Summary(new=3, by_log=3, full=3), 0),
        (Summary(retry=1), 75),
        (Summary(quarantined=1), 65),
        (Summary(quarantined=1, retry=1), 75),
        (Summary(troubles=["a share is away"]), 75),
        (Summary(untold=1), 75),
        (Summary(busy="another scan runs crash"), 0),
    ],
)
def test_exit_codes(summary: Summary, code: int) -> None:
    assert summary.exit_code == code
