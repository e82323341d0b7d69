"""What vmtriage says of a real vmcore, held against what drgn reads in it.

One `vmtriage analyze` and one drgn per dump: all tests of a dump share them. Where drgn is missing
the tests say so, and with VMTRIAGE_LIVE=required they fail.
"""

from __future__ import annotations

import importlib.util
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from fixtures import lab
from tests import test_live, test_live_decoys
from tests.live import Json, analyzed, built

if TYPE_CHECKING:  # drgn has no wheels but for Linux
    from tests.oracle import Task, Truth

pytestmark = pytest.mark.live
CASES = list(dict.fromkeys([*test_live.CASES, *test_live_decoys.CASES]))
USUAL = {scenario.name for scenario in lab.SCENARIOS}  # their scene is guest/init's own


@dataclass(frozen=True)
class Case:
    """A dump twice told."""

    scenario: str
    report: Json
    truth: Truth


@pytest.fixture(scope="module", params=CASES, ids=lambda case: "-".join(map(str, case)))
def case(request: pytest.FixtureRequest) -> Case:
    if importlib.util.find_spec("drgn") is None:
        said = "drgn is missing, nothing checks vmtriage's findings: pip install drgn"
        if os.environ.get("VMTRIAGE_LIVE") == "required":
            pytest.fail(said)
        pytest.skip(said)
    from tests import oracle

    name, kernel, cgroup = request.param
    dump = built(name, kernel, cgroup)
    report, _ = analyzed(name, kernel, cgroup)
    return Case(name, report, oracle.read(dump.vmcore, dump.vmlinux))


def test_the_throttled_groups_are_those_of_the_scheduler(case: Case) -> None:
    told = {(row["path"], frozenset(row["cpus"])) for row in case.report["throttled"]}
    assert told == {(row.path, row.cpus) for row in case.truth.throttled}
    for row in case.truth.throttled if case.scenario in USUAL else ():  # else it reads rubbish
        assert (row.quota, row.period, row.descendants) == (10_000_000, 100_000_000, 1)
        assert row.nr_throttled > 0


def test_the_quotas_are_those_of_the_scheduler(case: Case) -> None:
    truth = {row.path: row for row in case.truth.throttled}
    for told in case.report["bandwidth"] or ():
        row = truth[told["path"]]
        assert told["quota_ns"] == (-1 if row.quota is None else row.quota)
        assert (told["period_ns"], told["nr_throttled"]) == (row.period, row.nr_throttled)
        assert {each["cpu"] for each in told["cpus"] if each["throttled"]} == row.cpus


def test_the_panic_task_is_the_one_on_the_cpu_that_panicked(case: Case) -> None:
    told, truth = case.report["panic_task"], case.truth.panic_task
    assert (told["task"], told["pid"], told["comm"], told["cpu"]) == (
        truth.task, truth.pid, truth.comm, truth.cpu,
    )  # fmt: skip


def test_every_cpu_runs_the_task_that_it_calls_current(case: Case) -> None:
    told = {queue["cpu"]: queue["current"]["task"] for queue in case.report["run_queues"]}
    assert told == case.truth.running


def test_every_task_is_who_its_memory_says(case: Case) -> None:
    told = case.report["who"]
    found = {row["task"]: row for row in told}
    assert len(found) == len(told), "a task is told twice"
    wanted = {case.truth.panic_task.task, *case.truth.running.values()}
    # an idle CPU's task need not be told
    assert {each for each in wanted if case.truth.tasks[each].pid} <= set(found)
    for address, row in found.items():
        assert_is(row, case.truth.tasks[address], case.report)


def assert_is(row: Json, task: Task, report: Json) -> None:
    """One entry of `who`, field by field."""
    assert (row["pid"], row["comm"], row["kind"]) == (task.pid, task.comm, task.kind)
    assert row.get("tgid", task.tgid) == task.tgid
    assert row["workqueue"] == (" ".join(task.work) if task.work else None)
    places = paths(task)
    assert {
        (frozenset(each["controllers"]), each.get("hierarchy") or "", each["path"])
        for each in row["cgroups"]
    } == places
    assert row["cgroup"] in ({path for *_, path in places} or {"/"})
    host = report["system"]["nodename"]
    assert row["hostname"] == (None if task.nodename == host else task.nodename)
    assert row["ns_pid"] == (task.ns_pid if task.ns_level else None)
    line = [(each["pid"], each["comm"], each["task"]) for each in row["ancestors"]]
    truth = [(each.pid, each.comm, each.task) for each in task.ancestors]
    if task.kind != "user":
        assert not line, "a kernel thread has no parents worth telling"
    elif task.ns_level:  # a container's line ends with its init
        assert line == truth[: len(line)]
        assert line or task.ns_pid == 1
    else:
        assert line == truth


def paths(task: Task) -> set[tuple[frozenset[str], str, str]]:
    """Where it is not in the root, as report.json has it: v2 without controllers and name."""
    every = {(each.controllers, each.name, each.path) for each in task.v1}
    every.add((frozenset(), "", task.unified))
    return {place for place in every if place[2] != "/"}


def test_the_locks_have_the_owners_that_memory_names(case: Case) -> None:
    if case.report["waits"] is None:
        return  # this class of crash does not ask
    truth = {wait.task: wait for wait in case.truth.waits}
    told = {each["task"]["task"]: each for each in case.report["waits"]["tasks"]}
    for address, wait in truth.items():
        row = told[address]
        assert (row["kind"], row["lock"]) == (wait.kind, wait.lock)
        if wait.owner_pid is not None and not wait.by_reader:
            assert (row["owner"]["pid"], row["owner"]["comm"]) == (wait.owner_pid, wait.owner_comm)
    locks = {each["task"]["task"] for each in told.values() if each["kind"] in ("mutex", "rwsem")}
    assert locks <= set(truth)
    if case.scenario in ("hung", "hung_across", "hung_rwsem", "hung_abba"):
        assert truth, "the oracle reads rubbish"
