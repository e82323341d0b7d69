"""Which crashes are one problem, and which must not be."""

import json
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import Golden
from tests.fleet import found_of, identity_of, make_occurrence
from vmtriage.analysis.problems import occurrence_of, place, problem_id, redirect
from vmtriage.cli import main
from vmtriage.models.details import OomMemcg, OomReport, OomTask
from vmtriage.models.finding import Container, CrashClass
from vmtriage.models.occurrence import Occurrence, Stage
from vmtriage.models.report import Report, ReportIncident, SystemFacts
from vmtriage.models.trigger import Trigger

CAPTURES = sorted(Path("fixtures/captures").iterdir())
FOUND = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
C = CrashClass


@cache
def report_of(path: Path) -> Report:
    done = CliRunner().invoke(main, ["analyze", str(path), "--format", "json"])
    assert done.exit_code == 0, done.output
    return Report.model_validate_json(done.stdout)


def told(report: Report, host: str = "web1", stage: Stage = "full") -> Occurrence:
    return occurrence_of(report, identity_of(), found_of(), host, stage, FOUND)


def crash(kind: CrashClass, panic: str | None = None, **changes: Any) -> Report:
    """A crash of which class and panic text are all that is known."""
    plain = report_of(Path("fixtures/captures/debian8-pick-next-task-fair"))
    verdict = plain.verdict.model_copy(update={"crash_class": kind, "evidence": ()})
    system = SystemFacts(nodename="web1.example.com", release="6.1.0", panic=panic)
    update = {
        "verdict": verdict, "system": system, "function": None, "fingerprint": None,
        "trigger": None, "incidents": (), "signatures": (),
    }  # fmt: skip
    return plain.model_copy(update=update | changes)


def one(first: Report, second: Report) -> bool:
    """Whether two hosts' crashes are one problem."""
    return told(first, "web1").problem == told(second, "db7").problem


@pytest.mark.parametrize(
    "capture", [c for c in CAPTURES if (c / "log.txt").exists()], ids=lambda path: path.name
)
def test_the_log_alone_and_the_whole_dump_are_one_problem(capture: Path) -> None:
    full, log = told(report_of(capture)), told(report_of(capture / "log.txt"), stage="log")
    if capture.name.endswith("-leak"):  # no log tells of a leak, only that somebody asked
        assert (log.title, full.title) == (
            "crash asked for by sysrq", "memory leak of crashlab_leak",
        )  # fmt: skip
        return
    assert full.problem == log.problem
    assert full.frames[: len(log.frames)] == log.frames


@pytest.mark.parametrize("capture", CAPTURES, ids=lambda path: path.name)
def test_what_a_fleet_keeps_of_a_recorded_session(capture: Path, golden: Golden) -> None:
    kept = told(report_of(capture))
    assert kept.problem == problem_id(kept)
    wanted = {
        "problem", "class", "title", "scope", "severity", "function", "module", "frames",
        "hardware", "firmware", "release", "culprit",
    }  # fmt: skip
    known = [f"{bug.id}: {bug.kernel}{', generic' * bug.generic}" for bug in kept.known]
    fields = kept.model_dump(mode="json", include=wanted | {"crash_class"}) | {"known": known}
    golden(Path("fixtures/problems") / f"{capture.name}.json", json.dumps(fields, indent=1) + "\n")


def test_no_golden_is_left_without_its_recording() -> None:
    kept = {path.stem for path in Path("fixtures/problems").glob("*.json")}
    assert kept == {path.name for path in CAPTURES}


def test_a_title_says_nothing_of_the_host() -> None:
    for capture in CAPTURES:
        first, second = (told(report_of(capture), host) for host in ("alpha.example.com", "beta"))
        assert first.title == second.title
        assert not any(word in first.title for word in ("alpha", "beta", "CPU"))


def test_without_a_culprit_in_the_report_nobody_is_blamed() -> None:
    assert told(report_of(Path("fixtures/captures/debian8-pick-next-task-fair"))).culprit is None


def test_a_program_is_blamed_without_the_pid_that_it_had_on_one_host() -> None:
    kept = told(report_of(Path("fixtures/captures/lab-6.1-hung")))
    assert kept.culprit is not None
    assert (kept.culprit.kind, kept.culprit.name) == ("process", "datanode")


# -- what must not be one problem ------------------------------------------------------------


def test_crashes_of_which_nothing_is_known_are_one_problem_per_machine() -> None:
    unknown = crash(C.UNKNOWN)
    assert not one(unknown, unknown)
    assert told(unknown, "web1").problem == told(unknown, "web1").problem


@pytest.mark.parametrize(
    "text", ["Kernel panic - not syncing: Fatal exception", "Oops: 0002 [#1] SMP", "", None]
)
def test_a_panic_text_that_says_nothing_makes_no_problem_of_many_hosts(text: str | None) -> None:
    assert not one(crash(C.PANIC, text), crash(C.PANIC, text))


def test_panics_without_a_function_are_told_apart_by_their_text() -> None:
    bus = '"Kernel panic - not syncing: bus 7 of web1.example.com is off"'
    same = "Kernel panic - not syncing: bus 12 of db7 is off"
    other = "Kernel panic - not syncing: no answer from the device"
    assert one(crash(C.PANIC, bus), crash(C.PANIC, same))
    assert not one(crash(C.PANIC, bus), crash(C.PANIC, other))
    assert told(crash(C.PANIC, bus)).title == "bus N of HOST is off"


def test_init_killed_by_another_signal_is_another_problem() -> None:
    text = "Kernel panic - not syncing: Attempted to kill init! exitcode=0x0000{}"
    segv, missing = (crash(C.INIT_KILLED, text.format(code)) for code in ("000b", "7f00"))
    assert one(segv, segv)
    assert not one(segv, missing)


def test_a_fault_without_a_function_is_nobody_elses() -> None:
    lost = crash(C.NULL_POINTER, "BUG: unable to handle kernel NULL pointer dereference")
    assert not one(lost, lost)


def test_dumps_that_were_asked_for_are_one_problem_per_way_of_asking() -> None:
    panicked = "Kernel panic - not syncing: NMI: Not continuing"
    asked = Trigger(kind="nmi", deliberate=False, says="")
    sysrq, nmi = crash(C.SYSRQ), crash(C.NMI, panicked, trigger=asked)
    assert one(sysrq, sysrq)
    assert one(nmi, nmi)
    assert not one(sysrq, nmi)


@pytest.mark.parametrize("kind", [C.MCE, C.IO_ERROR])
def test_broken_hardware_is_its_own_machines_problem(kind: CrashClass) -> None:
    assert not one(crash(kind), crash(kind))


def test_an_nmi_that_the_chipset_raised_is_its_machines_problem() -> None:
    trigger = Trigger(kind="panic_on", deliberate=False, setting="kernel.panic_on_io_nmi", says="")
    assert not one(crash(C.NMI, trigger=trigger), crash(C.NMI, trigger=trigger))


def out_of_memory(constraint: str, **group: Any) -> Report:
    owner = Container(**group) if group else None
    memcg = OomMemcg(oom_path="/some/group", container=owner)
    task = OomTask(pid=7, comm="java", uid=0, rss_pages=1, rss=4096)
    oom = OomReport.model_validate(
        {"constraint": constraint, "memcg": memcg if constraint == "memcg" else None,
         "tasks": (task,), "conclusion": ""}
    )  # fmt: skip
    told = ReportIncident(
        crash_class=C.OOM, title="", severity="panic", first_line=1, last_line=2, oom=oom
    )
    return crash(C.OOM, incidents=(told,))


def test_memory_that_ran_out_in_a_group_is_not_the_same_as_on_the_whole_machine() -> None:
    whole = out_of_memory("none")
    job = out_of_memory("memcg", runtime="yarn", name="c1", application="application_1_2")
    again = out_of_memory("memcg", runtime="yarn", name="c9", application="application_1_2")
    other = out_of_memory("memcg", runtime="yarn", name="c1", application="application_1_3")
    assert one(whole, whole)
    assert one(job, again)
    assert not one(job, other)
    assert not one(job, whole)


def test_containers_that_only_an_id_names_are_told_apart_by_their_program() -> None:
    ids = ("5fa97be5", "0a1b2c3d")
    first, second = (out_of_memory("memcg", runtime="docker", name=i, container_id=i) for i in ids)
    assert one(first, second)
    assert told(first).title == "out of memory in the memory cgroup of docker java"


def test_a_hung_task_in_code_that_all_go_through_is_its_machines_problem() -> None:
    """`vfs_write` is where a write waits, whatever for."""
    frozen = report_of(Path("fixtures/captures/lab-6.1-hung-frozen"))
    named = report_of(Path("fixtures/captures/lab-6.1-hung"))
    assert not one(frozen, frozen)
    assert one(named, named)


# -- stable --------------------------------------------------------------------------------


@given(st.text(), st.datetimes(), st.sampled_from(["log", "full"]), st.integers(1, 9))
def test_an_id_is_of_the_bug_alone(text: str, when: datetime, stage: Stage, number: int) -> None:
    plain = make_occurrence()
    other = make_occurrence(
        number, host=text, crash_time=when, stage=stage, summary=text, title=text, release=text,
        hardware=text, fingerprint=text, problem="somewhere else",
    )  # fmt: skip
    assert problem_id(other) == plain.problem == "0165df2434f6"


def test_a_wrong_clock_does_not_date_a_crash() -> None:
    """A machine whose battery is dead crashes in 1970, or in a year to come."""
    for clock in (datetime(1970, 1, 1, tzinfo=UTC), FOUND + timedelta(days=400)):
        odd = make_occurrence(crash_time=clock, first_seen=FOUND)
        assert odd.when == FOUND
        assert not odd.dated
    plain = FOUND.replace(tzinfo=None) - timedelta(hours=1)
    assert make_occurrence(crash_time=plain, first_seen=FOUND).when == FOUND - timedelta(hours=1)


# -- moves ---------------------------------------------------------------------------------


def test_the_link_of_an_emptied_problem_leads_on() -> None:
    before, after = make_occurrence(stage="log", problem="a" * 12), make_occurrence()
    assert redirect(before, after, left=0) == after.problem
    assert redirect(before, after, left=1) is None
    assert redirect(after, after, left=0) is None


def test_a_log_goes_where_the_full_triage_put_the_others() -> None:
    log = make_occurrence(stage="log")
    aliases = {log.problem: "b" * 12, "b" * 12: "c" * 12, "c" * 12: "b" * 12}
    assert place(log, {}) == log.problem
    assert place(log, {log.problem: "b" * 12}) == "b" * 12
    assert place(log, aliases) in ("b" * 12, "c" * 12)
    assert place(make_occurrence(), aliases) == log.problem, "the full triage knows"


def test_a_log_that_says_too_little_stays_where_it_is() -> None:
    asked = make_occurrence(stage="log", crash_class=C.SYSRQ, frames=(), scope="asked sysrq")
    assert place(asked, {asked.problem: "b" * 12}) == asked.problem
