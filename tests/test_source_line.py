"""The line of source of a guilty function in a module: by the module's own debuginfo, or not."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.kernel_image import KernelImage
from tests.live import NEW, OLD, Json, built, crash_of, vmtriage
from tests.vmlinux import vmlinux
from vmtriage.analysis.inquiry.module_id import build_id_of
from vmtriage.analysis.inquiry.scene import Reach
from vmtriage.models.source_line import short
from vmtriage.session.commands import load_module
from vmtriage.source.debuginfo import ModuleFiles

RELEASE, OTHER = "6.1.0-9-amd64", "6.1.0-10-amd64"
MINE, THEIRS = "ab" * 20, "cd" * 20
HEAD, MODULE, NOTES = 0xFFFFFFFF82000000, 0xFFFFFFFFC0001000, 0xFFFF888001000000
OFFSETS = {
    "module.list": 8, "module.name": 24, "module.notes_attrs": 592, "module_notes_attrs.notes": 8,
    "module_notes_attrs.attrs": 16, "bin_attribute.attr.name": 0, "bin_attribute.size": 16,
    "bin_attribute.private": 24,
}  # fmt: skip


# -- which file ---------------------------------------------------------------------------------


def debug_file(path: Path, build_id: str | None = MINE, debuginfo: bool = True) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(vmlinux(build_id, debuginfo=debuginfo))
    return path


@pytest.mark.parametrize(
    "place",
    ["usr/lib/debug/lib/modules/{}/kernel/fs/xfs/xfs.ko.debug",
     "usr/lib/debug/usr/lib/modules/{}/kernel/fs/xfs/xfs.ko.debug",
     "usr/lib/debug/lib/modules/{}/kernel/fs/xfs/xfs.ko", "lib/modules/{}/xfs.ko"],
)  # fmt: skip
def test_it_is_found_for_the_release_alone(place: str, tmp_path: Path) -> None:
    path = debug_file(tmp_path / place.format(RELEASE))
    nowhere = tmp_path / "nowhere"
    for files in (ModuleFiles.of(RELEASE, root=tmp_path),
                  ModuleFiles.of(RELEASE, [tmp_path], nowhere)):  # fmt: skip
        found = files.find("xfs", MINE)
        assert found is not None
        assert (found.path, found.proved) == (path, True)
        assert files.find("ext4", MINE) is None
    assert ModuleFiles.of(OTHER, root=tmp_path).trees == ()
    assert ModuleFiles.of(None, root=tmp_path).trees == ()


def test_a_given_directory_may_be_the_releases_own(tmp_path: Path) -> None:
    path = debug_file(tmp_path / RELEASE / "xfs.ko")
    for directory in (tmp_path, tmp_path / RELEASE):
        found = ModuleFiles.of(RELEASE, [directory], tmp_path / "nowhere").find("xfs", None)
        assert found is not None
        assert found.path == path
    assert ModuleFiles.of(RELEASE, root=tmp_path).trees == ()


@pytest.mark.parametrize("release", ["", ".", "..", "etc", "home", "6.1/../..", "../6.1.0", "/6.1"])
def test_a_dump_cannot_name_just_any_directory(release: str, tmp_path: Path) -> None:
    """What is found is shown to the confined crash."""
    for name in ("etc", "home", "lib/modules/6.1", "usr/lib/debug/lib/modules"):
        (tmp_path / name).mkdir(parents=True)
    assert ModuleFiles.of(release, [tmp_path / "lib"], tmp_path).trees == ()


def test_only_debuginfo_of_this_very_build_is_taken(tmp_path: Path) -> None:
    tree = tmp_path / "usr/lib/debug/lib/modules" / RELEASE
    debug_file(tree / "updates/nf-nat.ko", THEIRS)
    debug_file(tree / "extra/nf_nat.ko.debug", MINE, debuginfo=False)
    files = ModuleFiles.of(RELEASE, root=tmp_path)
    assert files.find("nf_nat", MINE) is None
    unproved = files.find("nf_nat", None)  # the dump does not tell
    assert unproved is not None
    assert unproved.proved is None
    right = debug_file(tree / "kernel/nf-nat.ko.debug", MINE)
    found = files.find("nf_nat", MINE)
    assert found is not None
    assert found.path == right


def test_it_is_found_by_build_id(tmp_path: Path) -> None:
    tree = tmp_path / "usr/lib/debug/lib/modules" / RELEASE
    real = debug_file(tree / "elsewhere/renamed.ko.debug")
    link = tmp_path / f"usr/lib/debug/.build-id/{MINE[:2]}/{MINE[2:]}.debug"
    link.parent.mkdir(parents=True)
    link.symlink_to(real)
    found = ModuleFiles.of(RELEASE, root=tmp_path).find("xfs", MINE)
    assert found is not None
    assert found.path == real


@pytest.mark.parametrize("file", ["/a b/x.ko", "/a/x.ko;q", "/a/!sh", "/a/x\n.ko", "x.ko", "/a|b"])
def test_a_path_that_crash_may_take_for_more_is_not_typed(file: str) -> None:
    assert load_module("xfs", file) is None
    assert load_module("xfs; q", "/usr/x.ko") is None
    assert load_module("-d", "/usr/x.ko") is None
    assert load_module("xfs", "/usr/x.ko") is not None


# -- whose build --------------------------------------------------------------------------------


class Loaded(KernelImage):
    """A kernel with one module, `crashlab`, whose notes are kept."""

    def __init__(self, note: bytes) -> None:
        super().__init__(OFFSETS, {"bin_attribute": 64})
        self.answers = {"sym modules": f"{HEAD:x} (D) modules\n"}
        self.put_word(HEAD, MODULE + 8)
        self.put(MODULE, module__list=HEAD, module__name=b"crashlab".ljust(56, b"\0"),
                 module__notes_attrs=NOTES)  # fmt: skip
        self.put(NOTES, module_notes_attrs__notes=2)
        for number, (name, raw) in enumerate(((".note.Linux", b"?"), (".note.gnu.build-id", note))):
            at = NOTES + 16 + 64 * number
            text = self.text(NOTES + 1024 + 64 * number, name)
            self.put(at, bin_attribute__size=len(raw), bin_attribute__private=NOTES + 2048,
                     bin_attribute__attr__name=text)  # fmt: skip
        self.memory.update({NOTES + 2048 + n: byte for n, byte in enumerate(note)})

    def put_word(self, address: int, value: int) -> None:
        self.memory.update(
            {address + n: byte for n, byte in enumerate(value.to_bytes(8, "little"))}
        )


def note(build_id: str) -> bytes:
    raw = bytes.fromhex(build_id)
    return b"\4\0\0\0" + len(raw).to_bytes(4, "little") + b"\3\0\0\0GNU\0" + raw


def test_the_dump_tells_the_build_of_a_module() -> None:
    assert build_id_of(Reach(Loaded(note(MINE)), "x86_64"), "crashlab") == MINE
    assert build_id_of(Reach(Loaded(note(MINE)), "x86_64"), "xfs") is None
    nothing = KernelImage({}, answers={"sym modules": "symbol not found: modules\n"})
    assert build_id_of(Reach(nothing, "x86_64"), "crashlab") is None


@given(at=st.integers(0, 4096), byte=st.integers(0, 255), cut=st.booleans())
def test_memory_that_lies_is_no_error(at: int, byte: int, cut: bool) -> None:
    image = Loaded(note(MINE))
    where = sorted(image.memory)[at % len(image.memory)]
    image.memory[where] = byte
    if cut:
        del image.memory[where]
    told = build_id_of(Reach(image, "x86_64"), "crashlab")
    assert told is None or len(told) % 2 == 0


# -- how it is told -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("file", "told"),
    [("/build/linux-abc/linux-6.8.0/drivers/net/foo.c", "drivers/net/foo.c:7"),
     ("/usr/src/debug/kernel-5.14.0/linux-5.14.0-362.el9.x86_64/fs/xfs/xfs_log.c",
      "fs/xfs/xfs_log.c:7"),
     ("/build/linux-6.8/include/linux/list.h", "include/linux/list.h:7"),
     ("debian/build/build_amd64_none_amd64/kernel/sched/core.c", "kernel/sched/core.c:7"),
     ("drivers/net/foo.c", "drivers/net/foo.c:7"), ("/home/me/foo.c", "/home/me/foo.c:7")],
)  # fmt: skip
def test_a_file_is_told_as_the_kernels_developers_call_it(file: str, told: str) -> None:
    assert short(file, 7) == told


# -- with the real crash ------------------------------------------------------------------------


def _analyzed(*arguments: str | Path, crash: str = NEW) -> Json:
    done = vmtriage("analyze", *arguments, "--crash", crash_of(crash), "--format", "json")
    assert done.returncode == 0, done.stderr
    report: Json = json.loads(done.stdout)
    return report


def _module(kernel: str) -> tuple[Path, Path, str]:
    """The dump, the lab's module as it was built with debuginfo, and the line that crashed."""
    dump = built("null", kernel, 1 if kernel == "6.1" else 2)
    return dump.vmcore, dump.modules / "crashlab.ko", dump.release


@pytest.mark.live
@pytest.mark.parametrize("kernel", ["6.1", "6.12"])
def test_live_the_line_is_told_where_the_modules_debuginfo_is(kernel: str, tmp_path: Path) -> None:
    vmcore, module, release = _module(kernel)
    tree = tmp_path / "usr/lib/debug/lib/modules" / release / "extra"
    tree.mkdir(parents=True)
    shutil.copy(module, tree / "crashlab.ko")
    session = tmp_path / "session"
    report = _analyzed(vmcore, "--debuginfo-dir", tmp_path, "--record", session)
    source = report["source"]
    file, _, line = source["where"].rpartition(":")
    code = (module.parent / Path(file).name).read_text().splitlines()
    assert file == "drivers/crashlab/crashlab.c"
    assert "object->magic = 1" in code[int(line) - 1]
    assert (source["function"], report["function"]) == ("crashlab_null", "crashlab_null")
    assert (source["proved"], source["debuginfo"]) == (True, str(tree / "crashlab.ko"))
    assert source["where"] in report["culprit"]["reason"]
    again = _analyzed(session)  # a recording has it, without the file
    assert again["source"] == {**source, "debuginfo": None, "proved": None}
    assert again["culprit"]["reason"] == report["culprit"]["reason"]


@pytest.mark.live
def test_live_a_module_file_of_another_build_is_not_believed(tmp_path: Path) -> None:
    vmcore, _, release = _module("6.1")
    _, other, _ = _module("6.12")
    tree = tmp_path / "usr/lib/debug/lib/modules" / release
    tree.mkdir(parents=True)
    shutil.copy(other, tree / "crashlab.ko")
    report = _analyzed(vmcore, "--debuginfo-dir", tmp_path)
    assert report["source"] is None
    (step,) = [each for each in report["inquiries"] if each["step"] == "source"]
    assert step["status"] == "nothing"


@pytest.mark.live
@pytest.mark.skipif(not shutil.which("objcopy"), reason="needs objcopy")
def test_live_an_old_crash_reads_a_file_of_debuginfo_alone(tmp_path: Path) -> None:
    vmcore, module, release = _module("6.1")
    tree = tmp_path / release
    tree.mkdir()
    command: list[str | Path] = ["objcopy", "--only-keep-debug", module, tree / "crashlab.ko.debug"]
    subprocess.run(command, check=True)
    report = _analyzed(vmcore, "--debuginfo-dir", tmp_path, crash=OLD)
    assert report["source"]["where"].startswith("drivers/crashlab/crashlab.c:")
