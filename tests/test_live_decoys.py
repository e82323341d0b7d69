"""Dumps with somebody innocent in them: of verdicts that sound sure, none may be wrong."""

import json

import pytest

from fixtures import lab
from tests.live import Json, analyzed, built, names, suspects

pytestmark = pytest.mark.live

# every decoy on both kernels; the other cgroup version of each kernel where it tells most
OTHER = ("cfs_decoys", "cfs_kubepods", "cfs_nested", "hung_across", "oom_invoker")
CASES = [
    (decoy.name, kernel, cgroup)
    for decoy in lab.DECOYS
    for kernel, cgroup in (("6.1", 1), ("6.12", 2), ("6.1", 2), ("6.12", 1))
    if kernel in decoy.kernels
    if cgroup in decoy.cgroups
    if (kernel, cgroup) in (("6.1", 1), ("6.12", 2)) or decoy.name in OTHER
    if (kernel, cgroup) != ("6.12", 1) or not decoy.name.startswith("oom")  # has no MEMCG_V1
]


def hit_by_chance(report: Json) -> bool:
    """The lockup's timer interrupts whoever runs: seldom, a kworker instead of the bystander.

    Or one of the guilty, who has not come to use his share up.
    """
    users = {row["task"] for row in report["who"] if row["kind"] == "user"}
    locked_up = report["verdict"]["class"] == "hard_lockup"
    task, guilty = report["panic_task"], (report["culprit"] or {}).get("comms", ())
    return locked_up and (task["task"] not in users or task["comm"] in guilty)


@pytest.mark.parametrize(("name", "kernel", "cgroup"), CASES)
def test_the_guilty_one_is_named_and_nobody_else(name: str, kernel: str, cgroup: int) -> None:
    expected = built(name, kernel, cgroup).expected
    report, _ = analyzed(name, kernel, cgroup)
    culprit = report["culprit"]
    told = f"{report['verdict']['summary']}\n{json.dumps(culprit, indent=1)}"
    assert report["verdict"]["class"] == expected.crash_class
    if expected.functions:
        assert report["function"] in expected.functions
    for each in filter(None, [culprit, *report["candidates"]]):
        guilty = names(each)
        if each["confidence"] != "low":
            assert not [part for part in expected.innocent if part in guilty], told
    if expected.culprit:
        assert culprit is not None, told
        assert expected.culprit in names(culprit), told
    if expected.owners and not expected.culprit:  # a deadlock: all of them, and none alone
        first = {owner for owner in expected.owners for each in suspects(report)
                 if owner in each["comms"] and each["score"] >= 0.5}  # fmt: skip
        assert first == set(expected.owners), told
    if expected.kind:
        assert culprit["kind"] == expected.kind, told
    if expected.runtime:
        assert culprit["runtime"] == expected.runtime, told
    by_chance = hit_by_chance(report)
    if expected.panic_task and not by_chance:
        assert report["panic_task"]["comm"] == expected.panic_task
    if expected.hostname and not by_chance:
        assert report["panic_task"]["hostname"] == expected.hostname
    for part, cpus in expected.throttled:
        assert any(part in row["path"] and len(row["cpus"]) >= cpus for row in report["throttled"])
