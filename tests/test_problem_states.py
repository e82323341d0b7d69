"""New, spreading, regressed, quiet, and the view of a problem as a whole."""

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fleet import CFS_BUG, EL7, NOW, fleet, make_occurrence, yarn_fleet
from vmtriage.analysis.problems import Closed, Fleet, states, view
from vmtriage.analysis.problems import seen as seen_of
from vmtriage.models.occurrence import Occurrence
from vmtriage.models.problem import Near

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def crash(number: int, ago: timedelta, **changes: Any) -> Occurrence:
    fields = {"crash_time": NOW - ago, "first_seen": NOW - ago + HOUR / 12} | changes
    return make_occurrence(number, **fields)


def names(*occurrences: Occurrence, closed: Closed | None = None) -> list[str]:
    return [each.state for each in states(occurrences, NOW, closed)]


def test_a_problem_is_new_for_a_week_then_known_then_quiet() -> None:
    assert names(crash(1, DAY)) == ["new"]
    assert names(crash(1, 20 * DAY)) == ["known"]
    assert names(crash(1, 20 * DAY), crash(2, HOUR)) == ["known"]
    assert names(crash(1, 40 * DAY)) == ["quiet"]


def test_old_dumps_that_are_found_today_are_not_new() -> None:
    old = [crash(n, 300 * DAY + n * DAY, first_seen=NOW) for n in range(20)]
    assert names(*old) == ["quiet"]


def test_dumps_without_a_time_do_not_spread() -> None:
    undated = [make_occurrence(n, crash_time=None, first_seen=NOW) for n in range(20)]
    assert names(*undated) == ["new"]


# -- spreading -----------------------------------------------------------------------------------


def test_three_hosts_on_the_first_day() -> None:
    found = states([crash(n, n * HOUR) for n in range(1, 4)], NOW)
    assert (found[0].state, found[0].reason) == (
        "spreading", "3 hosts in the last day, 0 in the week before",
    )  # fmt: skip


def test_ten_hosts_a_day_every_day_are_bad_but_not_spreading() -> None:
    steady = [crash(n, DAY * (n // 10) + HOUR * 2) for n in range(200)]
    assert "spreading" not in names(*steady)
    worse = [crash(1000 + n, HOUR) for n in range(15)]
    assert "spreading" in names(*steady, *worse)


def test_one_host_in_a_crash_loop_does_not_spread() -> None:
    assert "spreading" not in names(*(crash(n, n * HOUR / 4, host="web7") for n in range(60)))


def test_steady_problems_seldom_seem_to_spread() -> None:
    seeming = 0
    for seed in range(300):
        draw = random.Random(seed)
        each = [crash(n, draw.random() * 60 * DAY) for n in range(draw.choice([10, 60, 300]))]
        seeming += "spreading" in names(*each)
    assert seeming <= 6


# -- regressed -----------------------------------------------------------------------------------

FIXED = "3.10.0-693.11.1.el7.x86_64"


def test_a_kernel_that_is_said_to_have_the_fix() -> None:
    bug = CFS_BUG.model_copy(update={"kernel": "fixed"})
    found = states([crash(1, 20 * DAY), crash(2, HOUR, release=FIXED, known=(bug,))], NOW)
    assert found[0].state == "regressed"
    assert found[0].reason == (
        f"{FIXED} on hadoop-002.example.com has the fix since 3.10.0-693.11.1.el7:"
        " cfs-bandwidth-lockup"
    )


def test_a_class_of_crashes_is_no_fix_and_another_known_bug_is_believed() -> None:
    fixed = CFS_BUG.model_copy(update={"kernel": "fixed"})
    generic = fixed.model_copy(update={"generic": True})
    other = CFS_BUG.model_copy(update={"id": "another", "kernel": "affected"})
    assert names(crash(1, 20 * DAY, known=(generic,))) == ["known"]
    assert names(crash(1, 20 * DAY, known=(fixed, other))) == ["known"]


@pytest.mark.parametrize(
    ("release", "came_back"),
    [
        (FIXED, True),
        ("3.10.0-1160.118.1.el7.x86_64", True),
        (EL7, False),  # a host that was not upgraded yet
        ("5.14.0-427.31.1.el9_4.x86_64", False),  # another line: nothing is known of it
        ("6.1.0-23-amd64", False),
        ("!! no release at all", False),
    ],
)
def test_after_it_was_closed_as_fixed_by_a_kernel(release: str, came_back: bool) -> None:
    closed = Closed(NOW - 10 * DAY, "3.10.0-693.11.1.el7")
    found = names(crash(1, 50 * DAY), crash(2, HOUR, release=release), closed=closed)
    assert ("regressed" in found) is came_back


def test_debian_releases_are_compared_as_debian_does() -> None:
    closed = Closed(NOW - 10 * DAY, "6.1.0-9-amd64")
    for release, came_back in (("6.1.0-23-amd64", True), ("6.1.0-7-amd64", False)):
        found = names(crash(2, HOUR, release=release), closed=closed)
        assert ("regressed" in found) is came_back


def test_closed_without_a_kernel_only_a_new_kernel_is_a_regression() -> None:
    closed = Closed(NOW - 10 * DAY)
    assert "regressed" not in names(crash(1, 50 * DAY), crash(2, HOUR), closed=closed)
    newer = crash(2, HOUR, release=FIXED)
    assert "regressed" in names(crash(1, 50 * DAY), newer, closed=closed)
    assert "regressed" not in names(crash(1, 50 * DAY), newer, closed=Closed(NOW))


@given(
    st.lists(st.tuples(st.none() | st.datetimes(), st.datetimes(), st.text()), min_size=1),
    st.datetimes(), st.none() | st.tuples(st.datetimes(), st.none() | st.text()),
)  # fmt: skip
def test_no_clock_and_no_release_is_too_strange(
    told: list[tuple[datetime | None, datetime, str]],
    now: datetime,
    closed: tuple[datetime, str | None] | None,
) -> None:
    occurrences = [
        make_occurrence(n, crash_time=crashed, first_seen=found, release=release, host=release)
        for n, (crashed, found, release) in enumerate(told)
    ]
    found = states(occurrences, now, Closed(*closed) if closed else None)
    assert found
    assert all(each.reason for each in found)
    assert len({each.state for each in found}) == len(found)


# -- the view ------------------------------------------------------------------------------------


def test_the_view_of_the_first_incident() -> None:
    own = yarn_fleet()
    told = Near(problem="0" * 12, distance=0.2, reason="the same but for x there; class agrees")
    got = view(own, Fleet(map(seen_of, own)), (told,), now=NOW, ticket="https://tickets/1")
    assert (got.id, got.title, got.count) == (
        own[0].problem, "hard lockup in unthrottle_cfs_rq", 11,
    )  # fmt: skip
    assert got.states == ("spreading", "new")
    assert (got.first_seen, got.last_seen) == (NOW - 11 * HOUR, NOW - HOUR)
    assert [each.count for each in got.culprits] == [9, 1, 1]
    assert len(got.hosts) == 11
    assert got.known == (CFS_BUG,)
    assert (got.near, got.ticket) == ((told,), "https://tickets/1")


def test_the_view_takes_the_gravest_severity_and_the_full_triages_title() -> None:
    full = make_occurrence(1, severity="serious", title="task blocked in the_holder")
    logs = [
        make_occurrence(n, stage="log", severity="notable", title="task blocked in the_waiter")
        for n in (2, 3)
    ]
    got = view([*logs, full], Fleet(map(seen_of, [*logs, full])), now=NOW)
    assert (got.severity, got.title) == ("serious", "task blocked in the_holder")


@given(st.permutations(list(fleet(40, hosts=4))))
def test_the_order_in_which_dumps_were_found_changes_nothing(whole: list[Occurrence]) -> None:
    own = [each for each in whole if each.problem == "0165df2434f6"]
    assert own
    got = view(own, Fleet(map(seen_of, whole)), now=NOW)
    ordered = sorted(own, key=lambda each: each.dump)
    assert got == view(ordered, Fleet(map(seen_of, reversed(whole))), now=NOW)
    assert got.first_seen <= got.last_seen
    assert got.first_seen.tzinfo is UTC
