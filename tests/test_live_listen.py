"""A real kernel dies in QEMU, its netconsole talks to a real `vmtriage listen`."""

import os
import time
from pathlib import Path

import pytest

from fixtures import lab
from fixtures.lab import netconsole
from tests.live import Json
from tests.patience import until
from tests.test_listen import listening

pytestmark = pytest.mark.live
# netpoll gives up on a card that is busy, and nobody is left in a panic to send what waits then:
# on a busy machine the emulated card loses a guest's last words now and then
ATTEMPTS = 3


@pytest.mark.parametrize(
    ("name", "kernel", "extended"),
    [("null", "6.1", True), ("hung", "6.1", False), ("cfs_lockup", "6.1", True),
     ("wild", "6.12", True)],
)  # fmt: skip
def test_a_dying_guest_is_named(name: str, kernel: str, extended: bool, tmp_path: Path) -> None:
    for number in range(ATTEMPTS):
        home = tmp_path / str(number)
        home.mkdir()
        event, summary, log = heard(home, name, kernel, extended)
        if event and "Kernel panic" in log:
            break
    expected = next(each.expected for each in lab.SCENARIOS if each.name == name)
    assert event, log
    assert event["class"] == expected.crash_class
    assert event["function"] in expected.functions
    assert (event["severity"], event["host"]) == ("panic", "127.0.0.1")
    assert event["signatures"]
    assert "Kernel panic" in log
    assert "dropped" not in summary
    assert "missing" not in summary


def heard(home: Path, name: str, kernel: str, extended: bool) -> tuple[Json | None, str, str]:
    """The first event of a guest's death, the listener's summary, and the log it kept."""
    logs = home / "logs"
    # an emulated guest on a busy machine may pause for a second between two lines
    with listening(home, "--log-dir", logs, "--quiet-time", "4") as process:
        try:
            netconsole.crash(name, process.ports[0], home, kernel, extended)
        except lab.NoKernel as error:
            if os.environ.get("VMTRIAGE_LIVE") == "required":
                raise
            pytest.skip(str(error))
        end = time.monotonic() + 60
        until(lambda: process.events or time.monotonic() > end)
        summary = process.end()
    events, log = process.events, logs / "127.0.0.1.log"
    return events[0] if events else None, summary, log.read_text() if log.exists() else ""
