"""A message that fits a signature explains only a crash it has to do with."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from vmtriage.cli import main

EPT = (
    "[  100.000000] kvm [4711]: EPT: Misconfiguration.\n"
    "[  100.000100] EPT: GPA: 0xfe1234\n"
    "[  100.000200] Buffer I/O error on dev sdb1, logical block 17, async page write\n"
)
CRASH = Path("fixtures/captures/lab-6.1-pnt/log.txt").read_text(encoding="utf-8")


def ids(command: str, text: str, tmp_path: Path) -> list[str]:
    path = tmp_path / "log.txt"
    path.write_text(text, encoding="utf-8")
    done = CliRunner().invoke(main, [command, str(path), "--format", "json"])
    assert done.exit_code == 0, done.output
    return [each["id"] for each in json.loads(done.stdout)["signatures"]]


@pytest.mark.parametrize("command", ["log", "analyze"])
def test_a_message_of_other_trouble_explains_no_crash(command: str, tmp_path: Path) -> None:
    assert ids(command, EPT + CRASH, tmp_path) == ["null-pointer"]


@pytest.mark.parametrize("command", ["log", "analyze"])
def test_it_is_told_where_it_is_the_trouble(command: str, tmp_path: Path) -> None:
    assert "block-io-error" in ids(command, EPT, tmp_path)


def test_each_incident_keeps_its_own_signature(tmp_path: Path) -> None:
    path = tmp_path / "log.txt"
    path.write_text(EPT + CRASH, encoding="utf-8")
    done = CliRunner().invoke(main, ["log", str(path), "--format", "json"])
    told = {each["class"]: each["signatures"] for each in json.loads(done.stdout)["incidents"]}
    assert told["io_error"] == ["block-io-error"]
    assert told["null_pointer"] == ["null-pointer"]
