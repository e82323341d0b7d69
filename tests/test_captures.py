"""Recorded lab sessions, replayed: what is concluded from them, as goldens a person can read."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from tests.conftest import Golden
from vmtriage.cli import main

CAPTURES = sorted(Path("fixtures/captures").iterdir())


def report_of(capture: Path) -> dict[str, Any]:
    done = CliRunner().invoke(main, ["analyze", str(capture), "--format", "json"])
    assert done.exit_code == 0, done.output
    report: dict[str, Any] = json.loads(done.stdout)
    return report


def essence(report: dict[str, Any]) -> dict[str, Any]:
    """The part of a report that a wrong change would spoil."""
    who = [report["culprit"], *report["candidates"]]
    return {
        "summary": report["verdict"]["summary"],
        "class": report["verdict"]["class"],
        "confidence": report["verdict"]["confidence"],
        "function": report["function"],
        "module": report["module"],
        "alternatives": report["alternatives"],
        "suspects": [f"{c['kind']} {c['name']}: {c['confidence']}" for c in who if c],
        "signatures": [f"{s['id']}: {s['kernel']}" for s in report["signatures"]],
        "throttled": [
            {"path": t["path"], "cpus": t["cpus"], "comms": t["comms"]}
            for t in report["throttled"] or []
        ],
        "problems": [f"{p['kind']}: {', '.join(p['unsafe'])}" for p in report["problems"]],
        "fingerprint": report["fingerprint"],
    }


@pytest.mark.parametrize("capture", CAPTURES, ids=lambda path: path.name)
def test_a_recorded_session_leads_to_the_same_conclusion(capture: Path, golden: Golden) -> None:
    got = json.dumps(essence(report_of(capture)), indent=1) + "\n"
    golden(Path("fixtures/conclusions") / f"{capture.name}.json", got)


def test_no_conclusion_is_left_without_its_recording() -> None:
    kept = {path.stem for path in Path("fixtures/conclusions").glob("*.json")}
    assert kept == {path.name for path in CAPTURES}


@pytest.mark.parametrize("capture", CAPTURES, ids=lambda path: path.name)
def test_every_cited_line_exists(capture: Path) -> None:
    report = report_of(capture)
    raw = {each["command"]: each["text"].split("\n") for each in report["raw"]}
    items = [*report["verdict"]["evidence"], *report["function_evidence"]]
    for each in (report["culprit"], *report["candidates"], *report["signatures"]):
        items += each["evidence"] if each else []
    assert items
    for item in items:
        if item["line"]:
            assert 0 < item["line"] <= len(raw[item["command"]]), item


def test_the_same_bug_has_the_same_fingerprint_with_either_crash() -> None:
    """8.0.2 doubts a register block of this stack, 8.0.6 does not; the bug is one."""
    one = report_of(Path("fixtures/captures/lab-6.1-cfs-lockup-crash-8.0.2"))
    other = report_of(Path("fixtures/captures/centos7-cfs-lockup"))
    assert one["fingerprint"]["problem"] == other["fingerprint"]["problem"]


def test_lost_tasks_are_read_back_from_the_trees() -> None:
    report = report_of(Path("fixtures/captures/lab-6.1-cfs-lockup-crash-8.0.2"))
    kinds = {problem["kind"] for problem in report["problems"]}
    assert {"tasks_lost", "tasks_recovered"} <= kinds
    assert report["culprit"]["comms"] == ["python"]
    (row,) = report["throttled"]
    assert row["tasks"] == 8
