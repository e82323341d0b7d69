"""`vmtriage signatures new`: from a report to a signature that catches its own crash."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from vmtriage.analysis.draft_text import escaped, generalised
from vmtriage.analysis.patterns import compiled
from vmtriage.analysis.samples import facts_of, match_sample, view_of
from vmtriage.analysis.signatures import load, read, samples
from vmtriage.cli import main

CAPTURES = Path(__file__).parents[1] / "fixtures" / "captures"
INPUTS = [*sorted(CAPTURES.glob("*/")), CAPTURES / "debian8-pick-next-task-fair" / "log.txt"]


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, list(map(str, arguments)))


def report_of(path: Path, directory: Path) -> Path:
    done = run("analyze", path, "-o", directory, "--format", "json")
    assert done.exit_code == 0, done.output
    return directory / "report.json"


@pytest.mark.parametrize("path", INPUTS, ids=lambda path: path.name)
def test_draft_catches_the_crash_it_was_made_from(path: Path, tmp_path: Path) -> None:
    report = report_of(path, tmp_path / "report")
    done = run("signatures", "new", "--from", report, "-o", tmp_path / "pack", "--id", "mine")
    assert done.exit_code == 0, done.output
    (folder,) = (tmp_path / "pack").glob("*/mine")
    assert done.output.startswith(f"{folder}\n")
    drafted = read(folder / "signature.yaml")
    assert (drafted.status, drafted.id, drafted.subsystem) == ("draft", "mine", folder.parent.name)
    assert drafted.match.classes == (drafted.crash_class,)
    (hit,) = samples(folder, "hit")
    assert "mine" in {each.id for each in match_sample([*load(), drafted], hit)}
    for miss in samples(folder, "miss"):
        assert view_of(facts_of(miss)).classification.crash_class is drafted.crash_class
        assert match_sample([drafted], miss) == ()
    messages = run("signatures", "lint", tmp_path / "pack").output.splitlines()
    if samples(folder, "miss"):
        assert messages == ["all signatures are sound"]
    else:
        assert "there is no miss sample" in done.output
        assert len(messages) == 1
        assert "no miss-* folder" in messages[0]
    whole = run("analyze", path, "--pack", tmp_path / "pack", "--format", "json")
    assert "mine" in {each["id"] for each in json.loads(whole.output)["signatures"]}


@pytest.fixture
def report(tmp_path: Path) -> Path:
    return report_of(CAPTURES / "lab-6.1-softlockup", tmp_path / "report")


def test_draft_holds_what_the_crash_shows(report: Path, tmp_path: Path) -> None:
    done = run("signatures", "new", "--from", report, "-o", tmp_path / "pack")
    assert done.exit_code == 0, done.output
    (folder,) = (tmp_path / "pack").glob("*/*")
    assert folder.parent.name == "crashlab"  # the module of the guilty function
    text = (folder / "signature.yaml").read_text()
    drafted = read(folder / "signature.yaml")
    assert "from a crash of 6.1.0-56-cloud-amd64" in text.splitlines()[0]
    assert drafted.match.panic == ("Kernel panic - not syncing: softlockup: hung tasks",)
    assert drafted.match.function[0] in drafted.match.stack
    assert "soft-lockup" in drafted.supersedes
    assert (folder / "hit-first" / "sys.txt").read_text().count("\n") < 8  # no host, no paths
    assert "NODENAME" not in (folder / "hit-first" / "sys.txt").read_text()


def test_known_bug_is_told(tmp_path: Path) -> None:
    known = report_of(CAPTURES / "centos7-cfs-lockup", tmp_path / "report")
    done = run("signatures", "new", "--from", known, "-o", tmp_path / "pack")
    assert "cfs-bandwidth-distribute-loop fits this crash already" in done.output


def test_nothing_is_overwritten(report: Path, tmp_path: Path) -> None:
    first = run("signatures", "new", "--from", report, "-o", tmp_path / "pack", "--id", "mine")
    path = Path(first.output.splitlines()[0]) / "signature.yaml"
    path.write_text("mine own words")
    again = run("signatures", "new", "--from", report, "-o", tmp_path / "pack", "--id", "mine")
    assert again.exit_code == 75
    assert "is there already" in again.output
    assert path.read_text() == "mine own words"
    assert not list((tmp_path / "pack").glob("*/.*"))  # no half of a folder is left


def test_a_draft_made_stable_must_be_written_first(report: Path, tmp_path: Path) -> None:
    run("signatures", "new", "--from", report, "-o", tmp_path / "pack")
    (path,) = (tmp_path / "pack").glob("*/*/signature.yaml")
    path.write_text(path.read_text().replace("status: draft", "status: stable"))
    said = run("signatures", "lint", "--signatures", tmp_path / "pack")
    assert said.exit_code == 78
    assert f"{path}:7: what is not written yet: only a draft may say so" in said.output
    assert "needs kernels" in said.output


@pytest.mark.parametrize(
    ("content", "identifier", "code", "says"),
    [
        (None, "mine", 66, "No such file"),
        ("no json", "mine", 65, "is no report"),
        ('{"schema": "vmtriage/report/1"}', "mine", 65, "VMTRIAGE_RAW_OUTPUT_BYTES"),
        ('{"raw": [{"command": "log", "text": "[ 1.0] all is well"}]}', "mine", 65, "what kind"),
        ('{"raw": [{"command": "log", "text": "x"}]}', "../../etc", 78, "is no id"),
    ],
)
def test_what_cannot_be_drafted_says_why(
    tmp_path: Path, content: str | None, identifier: str, code: int, says: str
) -> None:
    path = tmp_path / "report.json"
    if content is not None:
        path.write_text(content)
    done = run("signatures", "new", "--from", path, "-o", tmp_path / "out", "--id", identifier)
    assert (done.exit_code, says in done.output) == (code, True), done.output
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("text", "same", "other"),
    [
        (
            "BUG: unable to handle kernel NULL pointer dereference at 0000000000000078",
            "BUG: unable to handle kernel NULL pointer dereference at 00000078",
            "BUG: unable to handle kernel NULL pointer dereference at 0000000000000050",
        ),
        (
            "Watchdog detected hard LOCKUP on cpu 34",
            "Watchdog detected hard LOCKUP on cpu 7",
            "Watchdog detected soft LOCKUP on cpu 34",
        ),
        ("lost (a+b) [x] at ffff88810562e400", "lost (a+b) [x] at ffff9a00c0ffee00", "lost aab x"),
        ("odd \x1b[31m \udcff text", "odd \x1b[31m ? text", "even text"),
    ],
)
def test_what_differs_from_crash_to_crash_is_left_open(text: str, same: str, other: str) -> None:
    pattern = compiled(generalised(text))
    assert pattern.search(same)
    assert not pattern.search(other)
    assert generalised(text).isprintable()


def test_escaped_names_fit_themselves_alone() -> None:
    assert compiled(escaped("a.b"), True).search("a.b")
    assert not compiled(escaped("a.b"), True).search("axb")
    assert escaped("do_sys-open") == "do_sys-open"


def test_signatures_test_prints_counts_and_fails_with_78(report: Path, tmp_path: Path) -> None:
    assert "none failed" in run("signatures", "test", "hard-lockup").output
    run("signatures", "new", "--from", report, "-o", tmp_path / "pack", "--id", "mine")
    (path,) = (tmp_path / "pack").glob("*/*/signature.yaml")
    path.write_text(path.read_text().replace("soft_lockup]", "hard_lockup]"))
    done = run("signatures", "test", "--signatures", tmp_path / "pack", "mine")
    assert done.exit_code == 78
    assert "match.classes: wants hard_lockup; the crash has soft_lockup" in done.output
    assert "1 signatures, 1 hits" in done.output
    assert run("signatures", "test", "no-such-id").exit_code == 78


def test_list_and_show_know_packs(report: Path, tmp_path: Path) -> None:
    run("signatures", "new", "--from", report, "-o", tmp_path / "pack", "--id", "mine")
    assert "mine  " in run("signatures", "list", "--pack", tmp_path / "pack").output
    shown = run("signatures", "show", "mine", "--pack", tmp_path / "pack")
    assert json.loads(shown.output)["id"] == "mine"
    twice = run("signatures", "list", "--pack", tmp_path / "pack", "--signatures", tmp_path / "no")
    assert twice.exit_code == 78
