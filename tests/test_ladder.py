"""How far a damaged dump can be opened, as a user sees it: a report, its rung, an exit code."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from tests.fake_crash import fake
from tests.test_source import kdump
from tests.vmlinux import vmlinux as vmlinux_file
from vmtriage.cli import main
from vmtriage.errors import NoDebuginfo, NoPrompt, SessionError, TriageError
from vmtriage.models.conditions import RungName
from vmtriage.models.dump import Debuginfo
from vmtriage.pipeline.ladder import Ladder
from vmtriage.pipeline.ways import Started, Way
from vmtriage.session.base import Session
from vmtriage.session.commands import LOG, SYS
from vmtriage.session.transcript import TranscriptSession

LOG_TEXT = Path("fixtures/captures/debian8-pick-next-task-fair/log.txt").read_text()
ANSWER = f"out.write({LOG_TEXT!r} if command == 'log' else command + ': no')"
EXCLUDED = "print('crash: page excluded: kernel virtual address: ff  type: \"x\"'); sys.exit(1)"
Analyze = Callable[..., Result]


@pytest.fixture
def dump(tmp_path: Path) -> Path:
    home = tmp_path / "host"
    home.mkdir()
    path = home / "vmcore"
    path.write_bytes(kdump())
    return path


@pytest.fixture
def analyze(dump: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Analyze:
    """`vmtriage analyze` of that dump with a crash whose start is given."""

    def run(startup: str, *more: str | Path, answer: str = ANSWER, vmlinux: bool = True) -> Result:
        crash = fake(tmp_path, answer, startup).crash
        monkeypatch.setenv("VMTRIAGE_CRASH", str(crash))
        monkeypatch.setenv("VMTRIAGE_SANDBOX", "limits")  # the stand-in needs all of Python
        namelist = tmp_path / "namelist"
        namelist.write_bytes(vmlinux_file(build_id=None))
        words = ["analyze", dump, "-o", tmp_path / "out", *more]
        words += ["--vmlinux", namelist] if vmlinux else []
        return CliRunner().invoke(main, [*map(str, words)])

    return run


def only(*options: str) -> str:
    """A start that fails without one of these options."""
    return f"if not {set(options)!r} & set(sys.argv): {EXCLUDED}"


def report(tmp_path: Path) -> dict[str, Any]:
    told: dict[str, Any] = json.loads((tmp_path / "out" / "report.json").read_text())
    return told


def kinds(told: dict[str, Any]) -> set[str]:
    return {problem["kind"] for problem in told["problems"]}


def test_a_whole_dump_stands_on_the_first_rung(analyze: Analyze, tmp_path: Path) -> None:
    assert analyze("").exit_code == 0
    told = report(tmp_path)
    assert (told["rung"]["name"], told["rung"]["tried"]) == ("normal", [])
    assert told["tool"]["sandbox"] == "limits"
    assert "could not be opened normally" not in (tmp_path / "out" / "report.md").read_text()


def test_missing_pages_are_read_as_zeros_and_that_is_told(analyze: Analyze, tmp_path: Path) -> None:
    done = analyze(only("--zero_excluded"))
    assert done.exit_code == 0
    told = report(tmp_path)
    assert told["rung"]["name"] == "zero_excluded"
    assert "page excluded" in told["rung"]["tried"][0]["reason"]
    (problem,) = [each for each in told["problems"] if each["kind"] == "zero_excluded"]
    assert {"run_queues", "memory", "tasks", "culprit"} <= set(problem["unsafe"])
    for name in ("report.md", "report.html"):
        text = (tmp_path / "out" / name).read_text()
        assert text.index("could not be opened normally") < text.index("Culprit")
    assert "with missing pages read as zeros" in done.stdout


def test_minimal_mode_is_asked_for_the_log_alone(analyze: Analyze, tmp_path: Path) -> None:
    assert analyze(only("--minimal")).exit_code == 0
    told = report(tmp_path)
    assert told["rung"]["name"] == "minimal"
    assert [each["rung"] for each in told["rung"]["tried"]] == ["normal", "zero_excluded"]
    assert told["function"] == "pick_next_task_fair"
    asked = {run["command"] for run in told["commands"] if run["status"] != "not_run"}
    assert asked == {"log"}
    assert told["memory"] is None
    assert "log_only" in kinds(told)


def test_a_minimal_mode_without_a_log_is_the_header_alone(analyze: Analyze, tmp_path: Path) -> None:
    done = analyze(only("--minimal"), answer="out.write('log: seek error: kernel virtual')")
    assert done.exit_code == 65
    rung = report(tmp_path)["rung"]
    assert (rung["name"], rung["tried"][-1]["rung"]) == ("header", "minimal")
    assert "seek error" in rung["reason"]


def test_the_log_beside_a_dump_is_read_when_crash_cannot(
    analyze: Analyze, dump: Path, tmp_path: Path
) -> None:
    dump.with_name("vmcore-dmesg.txt").write_text(LOG_TEXT)
    assert analyze(EXCLUDED).exit_code == 0
    told = report(tmp_path)
    assert (told["rung"]["name"], told["rung"]["exit_code"]) == ("log", 0)
    assert told["rung"]["log_from"] == "vmcore-dmesg.txt beside the dump"
    assert told["function"] == "pick_next_task_fair"
    assert told["dump"]["release"] == "6.1.0-9-amd64"
    assert any("makedumpfile left out pages" in step for step in told["verdict"]["next_steps"])


def test_kernel_data_that_no_dump_lacks_is_looked_for_in_the_wrong_place(
    analyze: Analyze, dump: Path, tmp_path: Path
) -> None:
    """crash 8.0.2 of a dump of 6.12, where KASLR has it so."""
    said = 'page excluded: kernel virtual address: ffffffff825545a8 type: "page_offset_base"'
    dump.with_name("vmcore-dmesg.txt").write_text(LOG_TEXT)
    assert analyze(f"print({f'crash: {said}'!r}); sys.exit(1)").exit_code == 0
    steps = report(tmp_path)["verdict"]["next_steps"]
    assert any("too old" in step for step in steps), steps
    assert not any("makedumpfile left out pages" in step for step in steps)


def test_a_link_beside_a_dump_is_not_followed(analyze: Analyze, dump: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text(LOG_TEXT)
    dump.with_name("vmcore-dmesg.txt").symlink_to(secret)
    assert analyze(EXCLUDED).exit_code == 65
    assert report(tmp_path)["rung"]["name"] == "header"


def test_a_header_alone_is_a_report_and_an_error(analyze: Analyze, tmp_path: Path) -> None:
    done = analyze(EXCLUDED)
    assert done.exit_code == 65
    assert "page excluded" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 2
    told = report(tmp_path)
    assert told["rung"]["name"] == "header"
    assert told["dump"]["crash_time"] == "2023-11-14T22:13:20Z"
    assert told["culprit"] is None
    assert "header_only" in kinds(told)


def test_a_dump_without_debuginfo_still_tells_its_log(
    analyze: Analyze, dump: Path, tmp_path: Path
) -> None:
    done = analyze("", vmlinux=False)
    assert done.exit_code == 66
    assert "apt-get install linux-image-6.1.0-9-amd64-dbg" in done.stderr
    assert report(tmp_path)["rung"]["name"] == "header"
    dump.with_name("vmcore-dmesg.txt").write_text(LOG_TEXT)
    assert analyze("", vmlinux=False).exit_code == 0
    told = report(tmp_path)
    assert (told["rung"]["name"], told["tool"]["sandbox"]) == ("log", None)
    assert "linux-image-6.1.0-9-amd64-dbg" in told["verdict"]["next_steps"][0]


@pytest.mark.parametrize("beside", ["vmcore-dmesg.txt", "dmesg.txt", "log"])
def test_the_log_alone_is_read_without_crash_if_so_asked(
    beside: str, dump: Path, tmp_path: Path
) -> None:
    crash = fake(tmp_path, ANSWER, f"open({str(tmp_path / 'ran')!r}, 'w')").crash
    dump.with_name(beside).write_text(LOG_TEXT)
    done = CliRunner().invoke(
        main, ["analyze", str(dump), "--log-only", "-o", str(tmp_path / "out")],
        env={"VMTRIAGE_CRASH": str(crash)},
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    told = report(tmp_path)
    assert not (tmp_path / "ran").exists()
    assert (told["rung"]["name"], told["rung"]["log_from"]) == ("log", f"{beside} beside the dump")
    assert told["rung"]["reason"] == "crash was left out on purpose: --log-only"
    assert told["function"] == "pick_next_task_fair"
    assert told["verdict"]["next_steps"][0].endswith("analyze it without --log-only.")
    assert "debuginfo" not in done.output + json.dumps(told["problems"])
    (out,) = [each for each in told["problems"] if each["kind"] == "log_only"]
    assert out["message"].startswith("only the kernel log was read")


def test_the_log_alone_of_a_dump_without_one_is_an_error(dump: Path, tmp_path: Path) -> None:
    words = ["analyze", str(dump), "--log-only", "-o", str(tmp_path / "out")]
    done = CliRunner().invoke(main, words)
    assert (done.exit_code, report(tmp_path)["rung"]["name"]) == (66, "header")
    assert "left out on purpose: --log-only; nor is there a kernel log" in done.stderr


def test_the_log_alone_and_a_crash_to_read_it_contradict_each_other(dump: Path) -> None:
    done = CliRunner().invoke(main, ["analyze", str(dump), "--log-only", "--crash", "crash"])
    assert (done.exit_code, "--log-only runs no crash" in done.stderr) == (2, True)


@pytest.mark.parametrize(
    ("startup", "more", "words"),
    [
        ("print('crash: vmcore: Permission denied'); sys.exit(1)", (), "who may read"),
        ("", ("--vmlinux", "nowhere"), "no such file"),
        ("", ("--vmlinux", "README.md"), "not a vmlinux"),
    ],
)
def test_what_the_user_can_mend_at_once_is_an_error_without_a_report(
    analyze: Analyze, dump: Path, tmp_path: Path, startup: str, more: tuple[str, ...], words: str
) -> None:
    dump.with_name("vmcore-dmesg.txt").write_text(LOG_TEXT)
    done = analyze(startup, *more, vmlinux=not more)
    assert (done.exit_code, words in done.stderr) == (66, True), done.stderr
    assert not (tmp_path / "out").exists()


def test_a_log_that_crash_cannot_print_is_taken_from_beside(
    analyze: Analyze, dump: Path, tmp_path: Path
) -> None:
    dump.with_name("vmcore-dmesg.txt").write_text(LOG_TEXT)
    answer = "out.write('log: page excluded: kernel virtual address: ff  type: \"log_buf\"\\n')"
    assert analyze("", answer=answer).exit_code == 0
    told = report(tmp_path)
    assert (told["rung"]["name"], told["function"]) == ("normal", "pick_next_task_fair")
    assert "log_from_elsewhere" in kinds(told)


def test_a_dump_that_changes_meanwhile_is_told(analyze: Analyze, tmp_path: Path) -> None:
    assert analyze("open(sys.argv[-1], 'ab').write(b'more')").exit_code == 0
    (problem,) = [each for each in report(tmp_path)["problems"] if each["kind"] == "still_written"]
    assert "still being written" in problem["message"]
    assert "verdict" in problem["unsafe"]


def test_a_dump_that_kdump_has_not_finished_is_found_and_told(dump: Path, tmp_path: Path) -> None:
    dump.rename(dump.with_name("vmcore-incomplete"))
    done = CliRunner().invoke(main, ["analyze", str(dump.parent), "-o", str(tmp_path / "out")])
    assert done.exit_code == 66  # no vmlinux here
    told = report(tmp_path)
    assert told["dump"]["path"].endswith("vmcore-incomplete")
    assert "incomplete_name" in kinds(told)


def test_a_recording_remembers_its_rung(analyze: Analyze, tmp_path: Path) -> None:
    analyze(only("--minimal"), "--record", tmp_path / "session")
    live = report(tmp_path)
    done = CliRunner().invoke(
        main, ["analyze", str(tmp_path / "session"), "-o", str(tmp_path / "out")]
    )
    assert done.exit_code == 0
    replayed = report(tmp_path)
    assert (live["rung"], live["tool"]) == (replayed["rung"], replayed["tool"])
    assert kinds(live) - kinds(replayed) == {"build_id_unknown"}  # asked of the files


def test_a_start_that_is_too_slow_skips_what_would_be_as_slow(tmp_path: Path) -> None:
    class Slow(TranscriptSession):
        @property
        def startup_s(self) -> float | None:  # type: ignore[override]
            raise NoPrompt("no prompt", next_step="wait")

    opened: list[str] = []

    def way(name: RungName, session: Session) -> Way:
        def start() -> Started:
            opened.append(name)
            return Started(session, Debuginfo(path="vmlinux", found_by="--vmlinux"))

        return Way(name, start)

    ways = [way("normal", Slow({})), way("zero_excluded", Slow({})),
            way("minimal", TranscriptSession({"log": "a log"}))]  # fmt: skip
    ladder = Ladder(ways, tmp_path / "vmcore", lambda: None)
    outputs = list(ladder.run([SYS, LOG]))
    assert opened == ["normal", "minimal"]
    assert [output.text for output in outputs] == ["", "a log"]


@pytest.mark.parametrize("error", [SessionError("it died"), NoDebuginfo("no debugging data")])
def test_where_crash_refuses_the_slim_namelist_the_vmlinux_is_taken(
    tmp_path: Path, error: TriageError
) -> None:
    class Refused(TranscriptSession):
        @property
        def startup_s(self) -> float | None:  # type: ignore[override]
            raise error

    def way(name: RungName, session: Session, path: str) -> Way:
        told = Debuginfo(path=path, found_by="the test")
        return Way(name, lambda: Started(session, told), slim=path == "slim")

    whole = [way("normal", TranscriptSession({"log": "a log"}), "vmlinux")]
    ways = [way("normal", Refused({}), "slim"), *whole, way("minimal", Refused({}), "slim")]
    ended: list[str] = []
    ladder = Ladder(ways, tmp_path / "vmcore", lambda: None, instead=whole,
                    at_end=lambda: ended.append("scratch"))  # fmt: skip
    assert [each.text for each in ladder.run([LOG])] == ["a log"]
    found = ladder.conditions
    assert found.debuginfo is not None
    assert found.debuginfo.path == "vmlinux"
    assert found.rung is not None
    assert [(each.rung, each.slim) for each in found.rung.tried] == [("normal", True)]
    assert error.message in found.rung.tried[0].reason
    ladder.close()
    assert ended == ["scratch"]


def test_without_a_vmlinux_the_slim_namelist_goes_on_down(tmp_path: Path) -> None:
    class Refused(TranscriptSession):
        @property
        def startup_s(self) -> float | None:  # type: ignore[override]
            raise SessionError("it died")

    told = Debuginfo(path="slim", found_by="the test")
    ways = [
        Way("normal", lambda: Started(Refused({}), told), slim=True),
        Way("normal", lambda: None),
        Way("minimal", lambda: Started(TranscriptSession({"log": "a log"}), told), slim=True),
    ]
    ladder = Ladder(ways, tmp_path / "vmcore", lambda: None)
    assert [each.text for each in ladder.run([LOG])] == ["a log"]
    assert ladder.conditions.rung is not None
    assert ladder.conditions.rung.name == "minimal"
