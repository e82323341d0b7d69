"""A real kernel dies in QEMU, its netconsole talks to a real `vmtriage listen`."""

import os
from pathlib import Path

import pytest

from fixtures import lab
from fixtures.lab import netconsole
from tests.patience import until
from tests.test_listen import listening

pytestmark = pytest.mark.live


@pytest.mark.parametrize(
    ("name", "kernel", "extended"),
    [("null", "6.1", True), ("hung", "6.1", False), ("cfs_lockup", "6.1", True),
     ("wild", "6.12", True)],
)  # fmt: skip
def test_a_dying_guest_is_named(name: str, kernel: str, extended: bool, tmp_path: Path) -> None:
    logs = tmp_path / "logs"
    # an emulated guest on a busy machine may pause for a second between two lines
    with listening(tmp_path, "--log-dir", logs, "--quiet-time", "4") as process:
        try:
            netconsole.crash(name, process.ports[0], tmp_path, kernel, extended)
        except lab.NoKernel as error:
            if os.environ.get("VMTRIAGE_LIVE") == "required":
                raise
            pytest.skip(str(error))
        until(lambda: process.events)
        summary = process.end()
    expected = next(each.expected for each in lab.SCENARIOS if each.name == name)
    event = process.events[0]
    assert event["class"] == expected.crash_class
    assert event["function"] in expected.functions
    assert (event["severity"], event["host"]) == ("panic", "127.0.0.1")
    assert event["signatures"]
    assert "Kernel panic" in (logs / "127.0.0.1.log").read_text()
    assert "dropped" not in summary
    assert "missing" not in summary
