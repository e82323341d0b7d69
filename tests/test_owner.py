"""Hung tasks: who probably holds the lock is named, whoever was reported first."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from vmtriage.cli import main

LINES = Path("fixtures/captures/lab-6.1-hung/log.txt").read_text(encoding="utf-8").splitlines()
# The lab's four reports: datanode sleeps with the mutex in crashlab_hold, three others want it.
BEFORE, OWNER, WAITERS = LINES[:366], LINES[366:403], LINES[403:]


def told(command: str, lines: list[str], folder: Path) -> Any:
    path = folder / "log.txt"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    done = CliRunner().invoke(main, [command, str(path), "--format", "json"])
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


@pytest.mark.parametrize("place", [0, 28])  # first, and behind the first waiter's report
def test_the_owner_is_blamed_wherever_it_is_told(place: int, tmp_path: Path) -> None:
    lines = [*BEFORE, *WAITERS[:place], *OWNER, *WAITERS[place:]]
    primary = told("log", lines, tmp_path)["primary"]
    assert (primary["comm"], primary["function"]) == ("datanode", "crashlab_hold")
    report = told("analyze", lines, tmp_path)
    assert (report["function"], report["module"]) == ("crashlab_hold", "crashlab")
    assert report["culprit"]["name"].startswith("datanode")
    assert report["fingerprint"]["exact"] == primary["fingerprint"]["exact"]


def test_a_hung_task_of_other_code_owns_nothing(tmp_path: Path) -> None:
    stranger = [line.replace("crashlab", "vendor") for line in OWNER]
    lines = [*BEFORE, *WAITERS[:28], *stranger, *WAITERS[28:]]
    primary = told("log", lines, tmp_path)["primary"]
    assert primary["comm"] == "nodemanager"
