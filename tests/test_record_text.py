"""A log or a pasted session, recorded: the same report again, without the file."""

import json
from pathlib import Path
from typing import Any

from tests.live import vmtriage

LOG = Path("fixtures/captures/lab-6.1-uaf/log.txt")
PARTS_OF_THE_RUN = ("created", "timing", "commands", "raw")


def report(directory: Path) -> dict[str, Any]:
    told: dict[str, Any] = json.loads((directory / "report.json").read_text())
    return {key: value for key, value in told.items() if key not in PARTS_OF_THE_RUN}


def test_a_recorded_log_gives_the_same_report_without_the_log(tmp_path: Path) -> None:
    log = tmp_path / "vmcore-dmesg.txt"
    log.write_bytes(LOG.read_bytes())
    first = vmtriage("analyze", log, "-o", tmp_path / "one", "--record", tmp_path / "recording")
    log.unlink()
    again = vmtriage("analyze", tmp_path / "recording", "-o", tmp_path / "two")
    assert (first.returncode, again.returncode) == (0, 0), again.stderr
    assert report(tmp_path / "one") == report(tmp_path / "two")
