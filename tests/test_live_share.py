"""Real dumps on a share: found, told apart, and their logs read in no time without crash."""

import json
import re
from pathlib import Path

import pytest

from fixtures import lab
from tests.live import built, vmtriage
from vmtriage.fleet.share import HostNames, find, identify
from vmtriage.source import dump as dumps

pytestmark = pytest.mark.live
KERNELS = (("6.1", 1), ("6.12", 2))
FORMS = ("lzo", "zlib", "zstd", "flat", "elf")


@pytest.mark.parametrize(("kernel", "cgroup"), KERNELS)
def test_live_dumps_of_every_form_are_found_and_known_by_their_content(
    kernel: str, cgroup: int, tmp_path: Path
) -> None:
    dump = built("sysrq", kernel, cgroup)
    for copy in ("a", "b"):
        for number, form in enumerate(FORMS):
            place = tmp_path / f"{form}-2026-01-02-15:0{number}:0{'ab'.index(copy)}"
            place.mkdir()
            (place / "vmcore").hardlink_to(dump.vmcore_in(form))
    known: dict[str, list[str | None]] = {}
    for found in find(tmp_path):
        told = identify(found)
        whole = dumps.identify(found.files[0].real)
        assert (told.release, told.build_id) == (dump.release, whole.build_id)
        assert (told.size, told.damage) == (found.files[0].size, None)
        assert told.nodename, "of an ELF core it is read from memory"
        assert HostNames().name(found, told).source in ("dump", "directory")
        known.setdefault(told.id, []).append(found.host)
    assert len(known) == len(FORMS)
    assert all(len(hosts) == 2 and len(set(hosts)) == 1 for hosts in known.values())


def test_live_what_kdump_left_is_found_with_its_log_and_time() -> None:
    dump = lab.build_kdump("sysrq", kernel="6.1")
    (found,) = find(dump.vmcore.parent)
    told = identify(found)
    assert (found.kind, found.log is not None) == ("vmcore", True)
    assert (told.release, told.damage) == (dump.release, None)
    assert told.crash_time is not None


@pytest.mark.parametrize(("kernel", "cgroup"), KERNELS)
@pytest.mark.parametrize("form", FORMS)
def test_live_the_log_alone_names_the_crash_without_crash_being_there(
    kernel: str, cgroup: int, form: str, tmp_path: Path
) -> None:
    dump = built("sysrq", kernel, cgroup)
    out = tmp_path / "out"
    done = vmtriage("analyze", dump.vmcore_in(form), "--log-only", "-o", out,
                    VMTRIAGE_CRASH="/nowhere/crash")  # fmt: skip
    assert done.returncode == 0, done.stderr
    report = json.loads((out / "report.json").read_text())
    assert report["rung"]["name"] == "log"
    assert report["rung"]["log_from"] == "the dump's memory, read without crash"
    assert report["tool"]["crash_version"] is None
    assert re.search("sysrq", report["verdict"]["summary"])
    assert "crash was left out on purpose" in (out / "report.md").read_text()
    assert "debuginfo" not in json.dumps(report["problems"])
