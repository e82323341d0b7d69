"""A vmlinux that was found, split or wrong, in the hands of the real crash."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from fixtures import lab
from tests.live import NEW, analyze, crash_of, vmtriage
from vmtriage.models.evidence import Part
from vmtriage.source.debuginfo import read_build_id

pytestmark = pytest.mark.live


@pytest.fixture(scope="module")
def dump() -> lab.Dump:
    return lab.build("sysrq")


def test_a_wrong_build_is_refused_and_used_only_when_told_and_loudly(
    tmp_path: Path, dump: lab.Dump
) -> None:
    right = read_build_id(dump.vmlinux)
    assert right
    wrong = tmp_path / "vmlinux"
    shutil.copyfile(dump.vmlinux, wrong)
    with wrong.open("r+b") as file:  # the same kernel, so that crash itself has nothing to say
        at = _find(wrong, bytes.fromhex(right))
        file.seek(at)
        file.write(b"\xee" * (len(right) // 2))
    command: list[str | Path] = [
        "analyze", dump.vmcore, "--vmlinux", wrong, "--crash", crash_of(NEW), "--quick",
    ]  # fmt: skip
    refused = vmtriage(*command)
    assert refused.returncode == 66
    assert right in refused.stderr
    assert "ee" * (len(right) // 2) in refused.stderr
    taken = vmtriage(*command, "--allow-mismatch", "--format", "json")
    assert taken.returncode == 0
    assert "WARNING: the vmlinux is of another build" in taken.stderr
    report = json.loads(taken.stdout)
    (problem,) = [each for each in report["problems"] if each["kind"] == "build_id_mismatch"]
    assert set(problem["unsafe"]) == set(Part)
    assert right in problem["message"]
    assert report["debuginfo"]["build_id_matches"] is False
    assert report["verdict"]["confidence"] != "high"


@pytest.mark.skipif(not shutil.which("objcopy"), reason="needs objcopy")
def test_a_vmlinux_split_as_suse_does_it_is_put_together(tmp_path: Path, dump: lab.Dump) -> None:
    boot = tmp_path / f"boot/vmlinux-{dump.release}"
    debug = tmp_path / f"usr/lib/debug/boot/vmlinux-{dump.release}.debug"
    for path, how in ((boot, "--strip-debug"), (debug, "--only-keep-debug")):
        path.parent.mkdir(parents=True)
        subprocess.run(["objcopy", how, dump.vmlinux, path], check=True)
    done = vmtriage(
        "analyze", dump.vmcore, "--vmlinux", tmp_path, "--crash", crash_of(NEW), "--quick",
        "--format", "json",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    found = report["debuginfo"]
    assert (found["path"], found["debug_path"]) == (str(boot), str(debug))
    assert found["build_id_matches"] is True
    assert report["system"]["release"] == dump.release


def _find(path: Path, wanted: bytes) -> int:
    import mmap

    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        at = content.find(b"GNU\0" + wanted)
    assert at >= 0
    return at + 4


def test_the_line_of_the_guilty_function_is_read_from_a_vmlinux_at_hand(
    tmp_path: Path, dump: lab.Dump
) -> None:
    report = analyze(dump, crash_of(NEW), tmp_path / "out", "--record", tmp_path / "session")
    source = report["source"]
    assert report["function"] == "sysrq_handle_crash"
    assert (source["file"], source["debuginfo"]) == ("drivers/tty/sysrq.c", str(dump.vmlinux))
    table = subprocess.run(
        ["addr2line", "-e", dump.vmlinux,
         hex(int(source["address"], 16) - int(report["dump"]["kaslr_offset"], 16))],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert table.stdout.strip().endswith(f"/drivers/tty/sysrq.c:{source['line']}")
    replayed = tmp_path / "replayed"
    assert vmtriage("analyze", tmp_path / "session", "-o", replayed).returncode == 0
    assert json.loads((replayed / "report.json").read_text())["source"] == source
    quick = analyze(dump, crash_of(NEW), tmp_path / "quick", "--quick")
    assert quick["source"] is None
