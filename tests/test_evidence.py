"""What a report rests on can be looked up: the command was run, and the line says so."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from vmtriage.cli import main

LOGS = [
    *sorted(Path("fixtures/captures").glob("*/log.txt")),
    *sorted(Path("signatures").glob("*/*/hit-*.log"))[::8],
]


def cited(value: Any) -> Iterator[dict[str, Any]]:
    """Every piece of evidence in a report."""
    if isinstance(value, dict):
        if value.keys() == {"command", "line", "text", "says"}:
            yield value
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            yield from cited(each)


@pytest.mark.parametrize("log", LOGS, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_a_report_of_a_log_alone_cites_the_log(log: Path) -> None:
    done = CliRunner().invoke(main, ["analyze", str(log), "--format", "json"])
    assert done.exit_code == 0, done.output
    report = json.loads(done.stdout)
    (raw,) = report["raw"]
    lines = raw["text"].split("\n")
    for item in cited(report):
        assert item["command"] == "log", item
        assert item["line"] == 0 or item["text"].strip() in lines[item["line"] - 1]
