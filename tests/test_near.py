"""Near problems: other faces of one bug, told with what differs.

FAR rests on logs of 272 different problems with known titles: at 0.5, of 36,856 pairs 42 are
linked; 19 of them have the same innermost function, the others the same callers. Of stacks that
were changed as other kernels change them (a leaf inlined, renamed, a wrapper more, a trace that
breaks off) 97 % are found again; at 0.4 these are 73 %, at 0.6 no more but a third more pairs.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fleet import LOCKUP, make_occurrence
from vmtriage.analysis.problems import Neighbours, Stack, near, stack_of
from vmtriage.analysis.problems.near import distance
from vmtriage.models.finding import CrashClass

C = CrashClass
NAMES = st.lists(st.sampled_from([f"fn_{n}" for n in range(12)]), unique=True, max_size=8)


def stack(*frames: str, of: CrashClass = C.HARD_LOCKUP, module: str | None = None) -> Stack:
    plain = make_occurrence(crash_class=of, frames=frames, module=module)
    return stack_of(plain)


ALLOC = ("ext4_mb_good_group", "ext4_mb_regular_allocator", "ext4_mb_new_blocks", "ext4_map_blocks")


def test_the_same_function_in_another_class() -> None:
    one, other = stack(*LOCKUP), stack(*LOCKUP, of=C.SOFT_LOCKUP)
    (found,) = near(one, [one, other])
    assert (found.problem, found.distance) == (other.problem, 0)
    assert found.reason == "the same stack; another class there: soft lockup"


def test_another_leaf_below_the_same_callers() -> None:
    one = stack(*ALLOC, of=C.SOFT_LOCKUP)
    other = stack("mb_find_extent", *ALLOC[1:], of=C.SOFT_LOCKUP)
    (found,) = near(one, [other])
    assert found.reason == (
        "the same but for ext4_mb_good_group here and mb_find_extent there; class agrees"
    )
    assert found.distance == 0.25


def test_a_function_that_one_compiler_inlined() -> None:
    inlined = stack("enqueue_entity", *LOCKUP)
    (found,) = near(stack(*LOCKUP), [inlined])
    assert found.reason == "the same but for enqueue_entity there; class agrees"


def test_what_only_hands_over_brings_nobody_near() -> None:
    """Every write goes through these."""
    ways = ("vfs_write", "ksys_write", "do_syscall_64")
    assert near(stack("foo_write", *ways), [stack("bar_write", *ways)]) == ()
    assert near(stack(*ways), [stack(*ways, of=C.HUNG_TASK)]) == ()


def test_one_function_in_common_is_not_enough() -> None:
    assert near(stack("a", "b", "c"), [stack("x", "b"), stack("b", "z")]) == ()


def test_what_half_of_the_fleet_goes_through_is_no_clue() -> None:
    crowd = [stack(f"probe_{n}", "really_probe", "driver_probe_device") for n in range(20)]
    assert Neighbours(crowd).near(crowd[0]) == ()
    assert Neighbours(crowd[:4]).near(crowd[0]) != ()


def test_the_nearest_come_first_and_no_more_than_asked_for() -> None:
    family = [
        stack("leaf", *ALLOC), stack("other_leaf", "wrapper", *ALLOC[1:]),
        stack("ext4_mb_find_by_goal", *ALLOC[1:3], "ext4_ext_map_blocks"),
    ]  # fmt: skip
    found = near(stack(*ALLOC), family, limit=2)
    assert [each.problem for each in found] == [each.problem for each in family[:2]]


def test_crashes_without_a_stack_are_near_to_nothing() -> None:
    asked = stack_of(make_occurrence(crash_class=C.SYSRQ, frames=(), scope="asked sysrq"))
    assert near(asked, [asked, stack(*LOCKUP)]) == ()


@pytest.mark.parametrize("kept", [1, 2, 3, 4])
def test_a_log_that_shows_less_is_no_farther_away(kept: int) -> None:
    assert distance(ALLOC, ALLOC[:kept]) <= 0.5


@given(st.lists(NAMES, min_size=2, max_size=12))
def test_nearness_is_mutual_and_explained(all_frames: list[list[str]]) -> None:
    stacks = [
        stack_of(make_occurrence(frames=tuple(f), crash_class=list(C)[n], scope=str(n)))
        for n, f in enumerate(all_frames)
    ]
    index = Neighbours(stacks)
    links = {(s.problem, each.problem): each for s in stacks for each in index.near(s, 99)}
    for (one, other), each in links.items():
        assert one != other
        assert links[other, one].distance == each.distance
        assert each.reason.startswith("the same")
