"""Damaged dumps of real kernels: cut, flipped, zeroed, of another machine, without debuginfo."""

import json
import struct
from pathlib import Path

import pytest

from fixtures import lab
from tests.bench.mutations import apply, judge, mutations, regions, sources
from tests.fake_crash import fake
from tests.live import NEW, OLD, Json, built, crash_of, vmtriage

pytestmark = pytest.mark.live
# of `python -m tests.bench.mutations`: cut, zeroed and noisy headers, notes, descriptors, data
CHOSEN = (9, 36, 54, 99, 126, 144, 153, 270)


def analyzed(dump: Path, out: Path, *more: str | Path, code: int = 0) -> Json:
    done = vmtriage("analyze", dump, "-o", out, "--crash", crash_of(NEW), *more)
    assert done.returncode == code, done.stderr
    report: Json = json.loads((out / "report.json").read_text())
    return report


@pytest.mark.parametrize("number", CHOSEN)
def test_a_mutated_dump_ends_in_time_with_a_report_or_a_clear_error(
    number: int, tmp_path: Path
) -> None:
    found = sources()
    if len(found) < 2:
        pytest.skip("no makedumpfile here writes an ELF dump")
    known = {form: regions(form, path) for form, path in found.items()}
    (mutation,) = [each for each in mutations(1, 300, known) if each.number == number]
    dump = tmp_path / "vmcore"
    apply(mutation, found[mutation.form], dump)
    outcome = judge(mutation, dump, lab.build("sysrq").vmlinux, crash_of(NEW))
    dump.unlink()
    assert not outcome.wrong, str(mutation)


@pytest.mark.parametrize(
    ("content", "words"), [(b"", "is empty"), (b"KDUMP   " + bytes(100), "header is damaged")]
)
def test_what_is_left_of_nothing_is_an_error(content: bytes, words: str, tmp_path: Path) -> None:
    path = tmp_path / "vmcore"
    path.write_bytes(content)
    done = vmtriage("analyze", path, "--vmlinux", lab.build("sysrq").vmlinux)
    assert (done.returncode, words in done.stderr) == (65, True), done.stderr
    assert len(done.stderr.strip().splitlines()) == 2, "an error says what to do next"


def test_a_dump_without_debuginfo_names_the_cause_by_its_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VMTRIAGE_SLIM", "0")  # as with a kernel that has no BTF
    dump = lab.build("null")
    path = tmp_path / "vmcore"
    path.symlink_to(dump.vmcore)
    report = analyzed(path, tmp_path / "out")
    assert report["rung"]["name"] == "log"
    assert report["rung"]["log_from"] == "the dump's memory, read without crash"
    assert report["verdict"]["class"] == dump.expected.crash_class
    assert report["function"] in dump.expected.functions
    assert any("linux-image" in step for step in report["verdict"]["next_steps"])


def test_a_report_names_no_file_that_went_with_the_session(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VMTRIAGE_CACHE_DIR", "")  # so that the slim namelist is not kept
    monkeypatch.setenv("VMTRIAGE_SANDBOX", "limits")  # the stand-in needs all of Python
    crash = fake(tmp_path, startup="sys.exit(1)").crash
    path = tmp_path / "vmcore"
    path.unlink()
    path.symlink_to(lab.build("null").vmcore)
    done = vmtriage("analyze", path, "-o", tmp_path / "out", "--crash", crash)
    assert done.returncode == 0, done.stderr
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert any("`vmtriage namelist build" in step for step in report["verdict"]["next_steps"])
    gone = report["debuginfo"]["namelist"]["path"]
    assert not Path(gone).exists()
    for name in ("report.md", "report.html"):
        assert gone not in (tmp_path / "out" / name).read_text()


@pytest.mark.parametrize("kernel", ["6.1", "6.12"])
def test_the_log_read_without_crash_is_the_log_crash_prints(
    kernel: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VMTRIAGE_SLIM", "0")
    dump = built("null", kernel, 1)
    for name, more in (("with", ("--vmlinux", dump.vmlinux)), ("without", ())):
        path = tmp_path / name
        path.mkdir()
        (path / "vmcore").symlink_to(dump.vmcore)
        analyzed(path / "vmcore", tmp_path / f"out-{name}", *more)
    logs = [
        {raw["command"]: raw["text"] for raw in json.loads(path.read_text())["raw"]}["log"]
        for path in sorted(tmp_path.glob("out-*/report.json"))
    ]
    first, second = ([line.split("] ", 1)[-1].strip() for line in log.splitlines()] for log in logs)
    assert first == second


def test_a_crash_too_old_for_the_kernel_leaves_the_log_and_its_own_last_words(
    tmp_path: Path,
) -> None:
    dump = built("null", "6.12", 2)
    done = vmtriage("analyze", dump.vmcore, "--vmlinux", dump.vmlinux, "--crash", crash_of(OLD),
                    "-o", tmp_path)  # fmt: skip
    assert done.returncode == 0
    report = json.loads((tmp_path / "report.json").read_text())
    reason = report["rung"]["tried"][0]["reason"]
    said = ("seek error", "page excluded", "do not match")  # which, KASLR decides
    assert [words for words in said if words in reason]
    assert report["rung"]["name"] in ("minimal", "log")
    assert any("too old" in step for step in report["verdict"]["next_steps"])
    assert report["verdict"]["class"] == dump.expected.crash_class


def test_a_dump_of_another_machine_is_told(tmp_path: Path) -> None:
    dump = lab.build("sysrq")
    path = tmp_path / "vmcore"
    content = bytearray((dump.vmcore.parent / "vmcore.elf").read_bytes()[: 16 << 20])
    struct.pack_into("<H", content, 18, 183)  # e_machine: aarch64
    path.write_bytes(content)
    report = analyzed(path, tmp_path / "out", "--vmlinux", dump.vmlinux, code=66)
    assert {each["rung"] for each in report["rung"]["tried"]} == {"normal"}
    assert "machine type mismatch" in report["rung"]["reason"]


def test_a_dump_that_says_it_is_incomplete_is_not_trusted(tmp_path: Path) -> None:
    dump = lab.build("sysrq")
    content = bytearray(dump.vmcore.read_bytes())
    (status,) = struct.unpack_from("<I", content, 424)
    struct.pack_into("<I", content, 424, status | 0x8)  # DUMP_DH_COMPRESSED_INCOMPLETE
    path = tmp_path / "vmcore-incomplete"
    path.write_bytes(content)
    report = analyzed(tmp_path, tmp_path / "out", "--vmlinux", dump.vmlinux)
    assert report["dump"]["incomplete"] is True
    assert report["rung"]["name"] == "normal"
    kinds = {problem["kind"] for problem in report["problems"]}
    assert {"truncated", "incomplete_name"} <= kinds


@pytest.mark.parametrize("share", [3, 20])
def test_a_flattened_dump_that_was_cut_on_its_way_is_told(share: int, tmp_path: Path) -> None:
    dump = lab.build("sysrq")
    whole = dump.vmcore.parent / "vmcore.flat"
    if not whole.exists():
        pytest.skip("no makedumpfile here writes flat")
    path = tmp_path / "vmcore.flat"
    path.write_bytes(whole.read_bytes()[: whole.stat().st_size // share])
    done = vmtriage("analyze", path, "--vmlinux", dump.vmlinux, "--crash", crash_of(NEW))
    assert done.returncode in (0, 65)
    assert "could not be opened normally" in done.stdout
