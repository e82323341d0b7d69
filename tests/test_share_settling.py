"""A dump is read when it is finished: neither too early nor never, whatever the clocks say."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vmtriage.fleet.share import Patience, Ready, Seen, Wait, settle
from vmtriage.models.found import Found, FoundFile, FoundKind

NOW = 1_800_000_000.0
PATIENCE = Patience(settled=30, dead=900, old=3600)
KINDS = st.sampled_from(["vmcore", "incomplete", "flattened", "split", "log"])


def found(size: int = 100, mtime: float = NOW, kind: FoundKind = "vmcore") -> Found:
    file = FoundFile(path="/s/p/vmcore", size=size, mtime_ns=int(mtime * 1e9))
    files = () if kind == "log" else (file,)
    return Found(share="/s", place="p", layout="rhel", kind=kind, files=files,
                 log=file if kind == "log" else None)  # fmt: skip


def wait(judged: Ready | Wait) -> Wait:
    assert isinstance(judged, Wait), judged
    return judged


def test_a_fresh_dump_waits_and_is_ready_once_it_stood_still() -> None:
    first = wait(settle(found(), None, NOW, PATIENCE))
    assert (first.until, first.why) == (NOW + 30, "seen for the first time")
    early = wait(settle(found(), first.seen, NOW + 20, PATIENCE))
    assert early.until == NOW + 30
    ready = settle(found(), early.seen, NOW + 30, PATIENCE)
    assert ready == Ready(first.seen, False, "nothing has changed for 30 s")


def test_one_that_grows_waits_from_each_look_anew() -> None:
    seen: Seen | None = None
    for step in range(20):
        judged = wait(settle(found(size=100 + step, mtime=NOW + 60 * step), seen,
                             NOW + 60 * step, PATIENCE))  # fmt: skip
        assert judged.until == NOW + 60 * step + 30
        seen = judged.seen
    assert "being written" in judged.why


def test_a_share_of_old_dumps_need_not_be_waited_for() -> None:
    ready = settle(found(mtime=NOW - 7200), None, NOW, PATIENCE)
    assert ready == Ready(
        Seen(found(mtime=NOW - 7200).stamp, NOW), False, "last written 120 min ago"
    )


def test_a_server_whose_clock_is_behind_does_not_make_a_growing_dump_ready() -> None:
    behind = 50 * 60
    first = wait(settle(found(mtime=NOW - behind), None, NOW, PATIENCE))
    later = found(size=200, mtime=NOW - behind + 60)
    assert "being written" in wait(settle(later, first.seen, NOW + 60, PATIENCE)).why
    hours = found(size=300, mtime=NOW - 9 * 3600)  # only the very first look believes a time
    assert isinstance(settle(hours, first.seen, NOW + 60, PATIENCE), Wait)


def test_a_dead_capture_is_told_from_a_running_one() -> None:
    first = wait(settle(found(kind="incomplete"), None, NOW, PATIENCE))
    quiet = wait(settle(found(kind="incomplete"), first.seen, NOW + 600, PATIENCE))
    assert quiet.why == "nothing has changed for 10 min, 15 min are waited for"
    dead = settle(found(kind="incomplete"), quiet.seen, NOW + 900, PATIENCE)
    assert isinstance(dead, Ready)
    assert dead.incomplete


@pytest.mark.parametrize("each", [found(kind="log"), found(size=0)])
def test_a_dump_that_may_still_come_is_waited_for_longer(each: Found) -> None:
    assert wait(settle(each, None, NOW, PATIENCE)).until == NOW + 900


@given(
    KINDS, st.integers(0, 1 << 50), st.floats(-1e10, 1e10), st.floats(0, 4e9),
    st.none() | st.floats(0, 4e9), st.booleans(),
)  # fmt: skip
def test_whatever_the_clocks_say_it_is_ready_within_its_patience(
    kind: FoundKind, size: int, mtime: float, now: float, since: float | None, same: bool
) -> None:
    each = found(size, mtime, kind)
    before = None if since is None else Seen(each.stamp if same else "other", since)
    judged = settle(each, before, now, PATIENCE)
    assert judged.seen.stamp == each.stamp
    assert judged.seen.since <= now
    if isinstance(judged, Wait):
        assert now < judged.until <= now + 900
        assert isinstance(settle(each, judged.seen, judged.until, PATIENCE), Ready)


@given(KINDS, st.floats(0, 1e9))
def test_what_changed_since_the_last_look_is_never_ready(kind: FoundKind, age: float) -> None:
    before = Seen("0", NOW - age)
    assert isinstance(settle(found(kind=kind, mtime=NOW - age), before, NOW, PATIENCE), Wait)
