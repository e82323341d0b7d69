"""What lies on a crash share is found, whatever it is called; what is no crash costs nothing."""

import errno
import json
import os
import shutil
import subprocess
import sys
import tracemalloc
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.share import DEBIAN, LAYOUTS, RHEL, lay, log, vmcore
from vmtriage.errors import NoInput, ShareAway
from vmtriage.fleet.share import Unread, find
from vmtriage.models.found import Found
from vmtriage.report import safe

STRACE = shutil.which("strace")
LIST = """
import sys
from pathlib import Path
from vmtriage.fleet.share import find
for found in find(Path(sys.argv[1]), lambda unread: print("unread", unread.place, unread.error)):
    print("found", found.place)
"""


def names(found: Found) -> list[str]:
    return [Path(each.path).name for each in found.files]


@pytest.mark.parametrize("name", LAYOUTS)
def test_every_layout_in_use_is_found_as_one_crash(name: str, tmp_path: Path) -> None:
    files, (place, layout, kind, host, dump, beside) = LAYOUTS[name]
    (found,) = find(lay(tmp_path, files))
    assert (found.place, found.layout, found.kind) == (place, layout, kind)
    assert (found.host, names(found)) == (host, dump)
    assert (Path(found.log.path).name if found.log else None) == beside
    assert found.named_time is None or found.named_time.isoformat()[:16] == "2026-01-02T15:04"
    assert all(each.real.stat().st_size == each.size for each in found.files)
    assert all(each.real.stat().st_mtime_ns == each.mtime_ns for each in found.files)


def test_all_layouts_on_one_share_are_as_many_crashes(tmp_path: Path) -> None:
    for number, (files, _) in enumerate(LAYOUTS.values()):
        lay(tmp_path / f"cluster{number:02}", files)
    found = list(find(tmp_path))
    assert len(found) == len(LAYOUTS)
    assert len({each.place for each in found}) == len(LAYOUTS)


def test_many_flat_dumps_in_a_directory_are_many_crashes(tmp_path: Path) -> None:
    lay(tmp_path, {f"dumps/host{n}.vmcore": vmcore(n) for n in range(5)})
    lay(tmp_path, {f"dumps/dump.20260102150{n}": vmcore(n) for n in range(5)})
    lay(tmp_path, {f"dumps/dmesg.20260102150{n}": log(n) for n in range(5)})
    found = list(find(tmp_path))
    assert len(found) == 10
    assert Counter(each.layout for each in found) == {"flat": 5, "debian": 5}
    for each in found:
        assert each.layout == "flat" or each.log is not None


def test_a_dump_written_again_in_another_form_is_the_same_crash(tmp_path: Path) -> None:
    lay(
        tmp_path,
        {
            f"{RHEL}/{name}": vmcore()
            for name in ("vmcore", "vmcore.flat", "vmcore-incomplete", "vmcore1", "vmcore.zstd")
        },
    )
    (found,) = find(tmp_path)
    assert names(found) == ["vmcore"]  # fmt: skip


@pytest.mark.parametrize("name", ["kexec-dmesg.log", "vmcore-dmesg-incomplete.txt"])
def test_a_log_that_is_cut_or_of_the_capture_kernel_is_none_beside_a_dump(
    name: str, tmp_path: Path
) -> None:
    (found,) = find(lay(tmp_path, {f"{RHEL}/vmcore": vmcore(), f"{RHEL}/{name}": b""}))
    assert (found.kind, found.log) == ("vmcore", None)


def test_what_is_no_crash_is_not_found(tmp_path: Path) -> None:
    lay(tmp_path, {name: b"x" for name in (
        ".snapshot/hourly.0/vmcore", "lost+found/vmcore", "~snapshot/a/vmcore", ".hidden/vmcore",
        f"{RHEL}/triage/report.json", "log", "web01/log", "notes.txt", "vmcore.md5",
        "web01/vmcore.vmtriage-error", "vmlinux.elf", "vmcore.tmp", "session/log.txt",
        "vmcore/really-a-directory", "dmesg", "kdump_lock", "makedumpfile-R.pl",
    )})  # fmt: skip
    assert list(find(tmp_path)) == []


def test_links_are_not_followed(tmp_path: Path) -> None:
    share = lay(tmp_path / "share", {f"{RHEL}/vmcore": vmcore()})
    lay(tmp_path, {"outside/vmcore": vmcore(1)})
    (share / "out").symlink_to(tmp_path / "outside")
    (share / "round").symlink_to(share)
    (share / "latest").symlink_to(share / RHEL)
    (share / "web01").mkdir()
    (share / "web01/vmcore").symlink_to(tmp_path / "outside/vmcore")
    assert [each.place for each in find(share)] == [RHEL]


def test_a_pipe_called_vmcore_is_not_waited_for(tmp_path: Path) -> None:
    (tmp_path / "web01").mkdir()
    os.mkfifo(tmp_path / "web01/vmcore")
    assert list(find(tmp_path)) == []


def test_the_depth_has_an_end(tmp_path: Path) -> None:
    deep = "/".join("abcdefgh")
    lay(tmp_path, {f"{deep}/vmcore": vmcore(), f"{deep}/i/vmcore": vmcore()})
    assert [each.place for each in find(tmp_path)] == [deep]


@pytest.mark.parametrize(
    "name", ["two words", "new\nline", "tab\t", "a\x1b[31m", "\u202ebidi", "ümläut", "\uef80 octet"]
)
def test_odd_names_are_names(name: str, tmp_path: Path) -> None:
    lay(tmp_path, {f"{name}/vmcore": vmcore()})
    (found,) = find(tmp_path)
    assert Found.model_validate_json(found.model_dump_json()) == found
    assert found.files[0].real.read_bytes() == vmcore()
    assert safe.visible(found.place).isprintable()


def test_a_name_that_is_no_utf8_can_be_kept_and_opened(tmp_path: Path) -> None:
    directory = os.path.join(os.fsencode(tmp_path), b"caf\xe9-2026-01-02-15:04:05")  # noqa: PTH118
    os.mkdir(directory)  # noqa: PTH102
    Path(os.fsdecode(directory), "vmcore").write_bytes(vmcore())
    (found,) = find(tmp_path)
    again = Found.model_validate_json(found.model_dump_json())
    assert again.files[0].real.read_bytes() == vmcore()
    assert json.loads(json.dumps(again.place, ensure_ascii=False).encode()) == found.place
    assert safe.visible(found.place) == "caf\\uefe9-2026-01-02-15:04:05"


def test_stamps_change_with_the_files(tmp_path: Path) -> None:
    path = lay(tmp_path, {"web01/vmcore": b"one"}) / "web01/vmcore"
    (first,) = find(tmp_path)
    assert [each.stamp for each in find(tmp_path)] == [first.stamp]
    path.write_bytes(b"three")
    (second,) = find(tmp_path)
    assert second.stamp != first.stamp
    os.utime(path, (1, 1))
    assert {first.stamp, second.stamp}.isdisjoint(each.stamp for each in find(tmp_path))


# -- what cannot be read --------------------------------------------------------------------------


@pytest.fixture
def as_nobody(tmp_path: Path) -> Iterator[Path]:
    """A share seen without root's rights."""
    opened = [each for each in (tmp_path, *tmp_path.parents) if each.owner() == "root"]
    modes = {each: each.stat().st_mode for each in opened if not each.stat().st_mode & 0o001}
    for each, mode in modes.items():
        each.chmod(mode | 0o055)
    before = os.geteuid()
    yield tmp_path
    os.seteuid(before)
    for each, mode in modes.items():
        each.chmod(mode)


def test_a_directory_that_may_not_be_read_is_told_and_the_others_go_on(as_nobody: Path) -> None:
    share = lay(as_nobody / "share", {f"{name}/vmcore": vmcore() for name in ("a1", "b2", "c3")})
    (share / "b2").chmod(0)
    if os.geteuid() == 0:
        os.seteuid(65534)
    unread: list[Unread] = []
    assert [each.place for each in find(share, unread.append)] == ["a1", "c3"]
    ((told),) = unread
    assert (told.place, told.error.retryable) == ("b2", False)
    assert "Permission denied" in told.error.message


def test_a_share_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(NoInput, match=r"the share .*No such file"):
        list(find(tmp_path / "gone"))


def _strace(expression: str, share: Path, *more: str) -> subprocess.CompletedProcess[str]:
    if STRACE is None:
        pytest.skip("there is no strace here")
    words = [STRACE, "-f", "-o", str(share.parent / "trace"), "-e", expression, *more]
    return subprocess.run([*words, sys.executable, "-c", LIST, str(share)], capture_output=True,
                          text=True, check=False)  # fmt: skip


@pytest.mark.parametrize("number", ["ESTALE", "EIO"])
def test_a_directory_that_fails_as_it_is_read_is_told_as_passing(
    number: str, tmp_path: Path
) -> None:
    share = lay(tmp_path / "share", {f"{name}/vmcore": vmcore() for name in ("a1", "b2", "c3")})
    done = _strace("trace=getdents64", share, "-P", str(share / "b2"),
                   "-e", f"inject=getdents64:error={number}")  # fmt: skip
    text = os.strerror(getattr(errno, number))
    assert done.stdout.splitlines() == [
        "found a1", f"unread b2 cannot read {share}/b2: {text}",
        "  it is tried again; if it stays, check the mount", "found c3",
    ], done.stderr  # fmt: skip


def test_a_dump_whose_file_goes_stale_is_told_and_the_others_go_on(tmp_path: Path) -> None:
    share = lay(tmp_path / "share", {f"{name}/vmcore": vmcore() for name in ("a1", "b2", "c3")})
    done = _strace("trace=newfstatat", share, "-P", str(share / "b2/vmcore"),
                   "-e", "inject=newfstatat:error=ESTALE")  # fmt: skip
    assert [line.split()[:2] for line in done.stdout.splitlines() if line[0] != " "] == [
        ["found", "a1"], ["unread", "b2/vmcore"], ["found", "c3"],
    ], done.stderr  # fmt: skip


def test_a_dump_renamed_while_it_is_looked_at_is_not_told_as_a_log(tmp_path: Path) -> None:
    share = lay(tmp_path / "share", {f"{RHEL}/vmcore-incomplete": b"x",
                                     f"{RHEL}/vmcore-dmesg.txt": log()})  # fmt: skip
    done = _strace("trace=newfstatat", share, "-P", str(share / RHEL / "vmcore-incomplete"),
                   "-e", "inject=newfstatat:error=ENOENT")  # fmt: skip
    assert (done.returncode, done.stdout) == (0, "")


def test_the_share_gone_stale_is_an_error_that_passes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stale(_: str) -> Iterator[os.DirEntry[str]]:
        raise OSError(errno.ESTALE, os.strerror(errno.ESTALE))

    monkeypatch.setattr(os, "scandir", stale)
    with pytest.raises(ShareAway, match="Stale file handle") as caught:
        list(find(tmp_path))
    assert (caught.value.retryable, caught.value.exit_code) == (True, 75)


# -- what it costs --------------------------------------------------------------------------------


def test_a_known_dump_costs_two_stat_calls(tmp_path: Path) -> None:
    """One of the dump, one that opendir(3) makes; the log beside it costs none."""
    few, many = 10, 60
    asked = []
    for count in (few, many):
        share = tmp_path / str(count)
        for number in range(count):
            place = f"10.1.{number}.3-2026-01-02-15:04:05"
            lay(share, {f"{place}/vmcore": b"x", f"{place}/vmcore-dmesg.txt": b"x",
                        f"{place}/kexec-dmesg.log": b"x"})  # fmt: skip
        done = _strace("trace=%%stat", share)
        assert len(done.stdout.splitlines()) == count, done.stderr
        lines = (tmp_path / "trace").read_text().splitlines()
        asked.append(sum("stat" in line.split("(")[0] for line in lines))
    assert asked[1] - asked[0] <= 2 * (many - few)


def test_a_million_names_are_read_in_little_memory(tmp_path: Path) -> None:
    """A fiftieth of it here: what is no crash is forgotten at once."""
    (tmp_path / "many").mkdir()
    for number in range(20_000):
        os.close(os.open(tmp_path / f"many/{number:06}.trace", os.O_CREAT | os.O_WRONLY))
    lay(tmp_path, {"many/vmcore": vmcore()})
    tracemalloc.start()
    assert [each.place for each in find(tmp_path)] == ["many"]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 300_000


def test_debian_and_rhel_side_by_side_keep_their_logs(tmp_path: Path) -> None:
    lay(tmp_path, {"web01/vmcore": vmcore(), "web01/vmcore-dmesg.txt": log(),
                   f"web01/dump.{DEBIAN}": vmcore(1), f"web01/dmesg.{DEBIAN}": log(1)})  # fmt: skip
    found = {each.place: each for each in find(tmp_path)}
    assert set(found) == {"web01", f"web01/dump.{DEBIAN}"}
    assert {Path(each.log.path).name for each in found.values() if each.log} == {
        "vmcore-dmesg.txt", f"dmesg.{DEBIAN}",
    }  # fmt: skip
