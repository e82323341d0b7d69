"""The recorded incidents, replayed through the whole pipeline, as a user would."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from vmtriage.cli import main

CAPTURES = Path("fixtures/captures")
CONTAINER = "container_e06_1512098667219_988894_01_000020"


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, [*map(str, arguments)])


def report_of(path: Path) -> dict[str, Any]:
    done = run("analyze", path, "--format", "json")
    assert done.exit_code == 0, done.stderr
    report: dict[str, Any] = json.loads(done.stdout)
    return report


def test_the_reference_incident_names_bug_kernel_fix_and_culprit() -> None:
    report = report_of(CAPTURES / "centos7-cfs-lockup")
    assert report["verdict"]["class"] == "hard_lockup"
    assert report["verdict"]["severity"] == "panic"
    assert report["function"] == "unthrottle_cfs_rq"
    assert "enqueue_entity" in report["alternatives"]
    known = report["signatures"][0]
    assert known["id"] == "cfs-bandwidth-distribute-loop"
    assert (known["kernel"], known["fixed_in"]) == ("affected", "3.10.0-693.11.1.el7")
    culprit = report["culprit"]
    assert (culprit["kind"], culprit["runtime"], culprit["name"]) == (
        "container",
        "yarn",
        CONTAINER,
    )
    assert culprit["application"] == "application_1512098667219_988894"
    assert culprit["container_id"].startswith("5fa97be56cd6")
    assert (culprit["cpus"], culprit["comms"]) == ([0, 7], ["python"])
    assert culprit["confidence"] == "high"
    summary = report["verdict"]["summary"]
    for words in (CONTAINER, "THROTTLED on 2 of 3 CPUs", "python", "Docker 5fa97be56cd6",
                  "3.10.0-327.28.3.el7.x86_64 is affected"):  # fmt: skip
        assert words in summary


def test_the_reference_incident_cites_real_lines() -> None:
    report = report_of(CAPTURES / "centos7-cfs-lockup")
    raw = {each["command"]: each["text"].split("\n") for each in report["raw"]}
    cited = [*report["verdict"]["evidence"], *report["culprit"]["evidence"],
             *report["signatures"][0]["evidence"], *report["function_evidence"]]  # fmt: skip
    assert len(cited) > 5
    for item in cited:
        line = raw[item["command"]][item["line"] - 1]
        needle = item["text"].strip().lstrip("#0123456789 ").split(" ")[0]
        assert needle in line, item


def test_what_the_recording_lacks_is_said_not_invented() -> None:
    report = report_of(CAPTURES / "centos7-cfs-lockup")
    assert report["memory"] is None
    assert report["clock_lag"] is None
    messages = " ".join(problem["message"] for problem in report["problems"])
    assert "not run: log, runq -t" in messages
    assert "3 of 48 CPUs" in messages


def test_the_second_incident_from_four_log_lines() -> None:
    report = report_of(CAPTURES / "debian8-pick-next-task-fair")
    assert report["verdict"]["class"] == "null_pointer"
    assert report["function"] == "pick_next_task_fair"
    known = report["signatures"][0]
    assert known["id"] == "task-group-fork-race"
    assert (known["kernel"], known["fixed_in"]) == ("affected", "3.18")
    assert any("eeb61e53ea19" in commit for commit in known["upstream"])
    assert report["culprit"] is None


def test_a_session_pasted_into_a_ticket_gives_the_same_culprit(tmp_path: Path) -> None:
    capture = CAPTURES / "centos7-cfs-lockup"
    pasted = "".join(
        f"crash> {command}\n" + (capture / (command.replace(" ", "_") + ".txt")).read_text()
        for command in ("sys", "set", "bt", "runq -g")
    )
    path = tmp_path / "ticket.txt"
    path.write_text("\n".join(f"> {line}" for line in pasted.splitlines()))
    report = report_of(path)
    assert report["dump"]["format"] == "transcript"
    assert report["culprit"]["name"] == CONTAINER


def test_the_published_page_without_line_breaks_gives_the_same_culprit(tmp_path: Path) -> None:
    capture = CAPTURES / "centos7-cfs-lockup"
    text = " ".join((capture / "runq_-g.txt").read_text().split())
    sys_text = (capture / "sys.txt").read_text() + (capture / "set.txt").read_text()
    bt = (capture / "bt.txt").read_text()
    path = tmp_path / "page.txt"
    path.write_text(f"crash> sys\n{sys_text}\ncrash> bt\n{bt}\ncrash> runq -g {text}\n")
    culprit = report_of(path)["culprit"]
    assert (culprit["name"], culprit["cpus"]) == (CONTAINER, [0, 7])
    assert culprit["application"] == "application_1512098667219_988894"


def test_a_bare_kernel_log_gives_a_verdict(tmp_path: Path) -> None:
    path = tmp_path / "vmcore-dmesg.txt"
    path.write_text((CAPTURES / "debian8-pick-next-task-fair" / "log.txt").read_text())
    report = report_of(path)
    assert (report["dump"]["format"], report["function"]) == ("log", "pick_next_task_fair")
    assert report["signatures"][0]["kernel"] == "unknown"  # the log does not say which kernel


def test_the_directory_of_a_host_is_enough(tmp_path: Path) -> None:
    host = tmp_path / "127.0.0.1-2026-11-21-05:00:00"
    host.mkdir()
    log = (CAPTURES / "debian8-pick-next-task-fair" / "log.txt").read_text()
    (host / "vmcore-dmesg.txt").write_text(log)
    assert report_of(host)["function"] == "pick_next_task_fair"
    (host / "vmcore").write_bytes(b"")  # a dump comes before the log, a broken one says so
    report = report_of(host)
    assert report["function"] == "pick_next_task_fair"
    assert report["rung"]["name"] == "log"
    assert "is empty" in report["rung"]["reason"]
    assert report["rung"]["log_from"] == "vmcore-dmesg.txt beside the dump"
    assert {"log_only", "log_from_elsewhere"} <= {each["kind"] for each in report["problems"]}


def test_reports_are_written_and_named(tmp_path: Path) -> None:
    done = run("analyze", CAPTURES / "centos7-cfs-lockup", "-o", tmp_path / "out")
    assert done.exit_code == 0
    names = ["report.html", "report.json", "report.md"]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == names
    assert all(str(tmp_path / "out" / name) in done.stdout for name in names)


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["analyze", "/nowhere/vmcore"], 66, "no such file"),
        (["analyze", "tests"], 66, "no recorded session"),
        (["analyze", "requirements.lock", "--format", "docx"], 2, "docx"),
        (["parse", "vtop", "LICENSE"], 2, "no parser for 'vtop'"),
        (["parse", "runq -g", "LICENSE"], 65, "cannot read the output of"),
        (["signatures", "show", "nothing"], 2, "no signature"),
        (["analyze", "fixtures/captures/centos7-cfs-lockup", "--fail-on", "panic"], 1, ""),
        (["analyze", "fixtures/captures/centos7-cfs-lockup", "--signatures", "/nowhere"], 78, ""),
    ],
)
def test_exit_codes_and_messages(arguments: list[str], code: int, words: str) -> None:
    done = run(*arguments)
    assert done.exit_code == code, done.output
    assert words in done.stderr
    assert "Traceback" not in done.output


def test_a_dump_cut_to_its_first_bytes_is_no_log(tmp_path: Path) -> None:
    cut = tmp_path / "vmcore"
    cut.write_bytes(b"\x7fEL")
    done = CliRunner().invoke(main, ["analyze", str(cut)])
    assert done.exit_code == 65
    assert "vmcore" in done.stderr


def test_hostile_names_reach_no_report_unescaped(tmp_path: Path) -> None:
    capture = tmp_path / "session"
    capture.mkdir()
    for path in (CAPTURES / "centos7-cfs-lockup").iterdir():
        text = path.read_text().replace('"python"', '"<script>alert(1)</script>"')
        (capture / path.name).write_text(text)
    done = run("analyze", capture, "-o", tmp_path / "out")
    assert done.exit_code == 0
    html = (tmp_path / "out" / "report.html").read_text()
    assert "<script>alert" not in html
    assert "&lt;script&gt;alert" in html


def test_parse_prints_the_model() -> None:
    done = run("parse", "runq -g", CAPTURES / "centos7-cfs-lockup" / "runq_-g.txt")
    assert done.exit_code == 0
    queues = json.loads(done.stdout)["run_queues"]
    assert [queue["cpu"] for queue in queues] == [0, 7, 34]
    (cfs,) = [group for group in queues[0]["groups"] if group["kind"] == "cfs"]
    container = cfs["children"][0]["children"][0]
    assert (container["name"], container["throttled"]) == (CONTAINER, True)
    assert container["path"] == f"/hadoop-yarn/{CONTAINER}"


def test_every_signature_is_sound() -> None:
    done = run("signatures", "lint")
    assert done.exit_code == 0, done.stderr
    listed = run("signatures", "list").stdout
    assert "cfs-bandwidth-distribute-loop" in listed
    assert "task-group-fork-race" in listed
