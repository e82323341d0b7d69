"""Which dump it is: the same wherever it lies, another for another crash, one for any damage."""

import errno
import os
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.kdump_writer import flattened
from tests.share import RHEL, TIME, aged, elf, lay, log, vmcore
from vmtriage.errors import NoInput, ShareAway, TriageError, passes, unreadable
from vmtriage.fleet.share import find, identify
from vmtriage.models.found import Identity


def only(share: Path) -> Identity:
    (found,) = find(share)
    return identify(found)


def test_the_header_tells_what_it_is_of(tmp_path: Path) -> None:
    told = only(lay(tmp_path, {f"{RHEL}/vmcore": vmcore(7)}))
    assert told.release == "6.1.0-9-amd64"
    assert told.build_id == "3b43fa0c" * 5
    assert told.crash_time == datetime.fromtimestamp(TIME + 7, UTC)
    assert (told.nodename, told.size, told.damage) == ("host", len(vmcore(7)), None)
    assert len(told.id) == 16
    assert int(told.id, 16) >= 0


@pytest.mark.parametrize("content", [vmcore(), elf(), flattened(vmcore(), range(0, 99999, 4096))])
def test_a_copy_under_another_name_is_the_same_dump(content: bytes, tmp_path: Path) -> None:
    one = lay(tmp_path / "one", {f"{RHEL}/vmcore": content, f"{RHEL}/vmcore-dmesg.txt": log()})
    other = lay(tmp_path / "other", {"archive/copy of web01.vmcore": content})
    aged(other / "archive/copy of web01.vmcore", 1)
    assert only(one) == only(other)
    assert only(one).damage is None


@pytest.mark.parametrize("make", [vmcore, elf, log])
def test_two_crashes_of_one_kernel_are_two(make: object, tmp_path: Path) -> None:
    assert callable(make)
    name = "vmcore-dmesg.txt" if make is log else "vmcore"
    ids = {only(lay(tmp_path / str(each), {f"h/{name}": make(each)})).id for each in range(9)}
    assert len(ids) == 9


def test_parts_are_one_dump_in_whatever_order_they_are_named(tmp_path: Path) -> None:
    parts = [vmcore(0, (0, 20)), vmcore(0, (20, 40))]
    one = lay(tmp_path / "one", {f"h/vmcore{n}": raw for n, raw in enumerate(parts)})
    other = lay(tmp_path / "two", {f"h/vmcore.{n}": raw for n, raw in enumerate(parts[::-1], 7)})
    assert only(one) == only(other)
    assert only(one).size == sum(map(len, parts))
    half = only(lay(tmp_path / "half", {"h/vmcore1": parts[0]}))
    assert half.id != only(one).id


def test_a_log_keeps_its_id_on_whatever_way_it_comes(tmp_path: Path) -> None:
    raw = log() * 3
    forms = {"vmcore-dmesg.txt": raw, "vmcore-dmesg-incomplete.txt": raw.rstrip(),
             "dmesg.txt": raw.replace(b"\n", b"\r\n"),
             "dmesg.202601021504": raw + b"\0\0\n"}  # fmt: skip
    ids = {only(lay(tmp_path / name, {f"h/{name}": text})).id for name, text in forms.items()}
    assert len(ids) == 1


def test_a_log_alone_tells_kernel_and_host(tmp_path: Path) -> None:
    raw = log() + b"[    3.1] systemd[1]: Hostname set to <web01.example.org>.\n"
    told = only(lay(tmp_path, {"h/vmcore-dmesg.txt": raw}))
    assert (told.release, told.nodename) == ("6.1.0-9-amd64", "web01.example.org")


def test_an_elf_core_without_a_readable_name_has_none(tmp_path: Path) -> None:
    assert only(lay(tmp_path, {"h/vmcore": elf()})).nodename is None


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"KDUMP   " + bytes(5000), "header is damaged"), (b"\x1f\x8b" + bytes(99), "gunzip"),
     (b"hello", "not a kernel dump"), (vmcore()[:100], "damaged"), (b"", "is empty"),
     (b"makedumpfile" + bytes(5000), "without a header")],
)  # fmt: skip
def test_a_damaged_dump_has_an_id_and_a_reason(content: bytes, words: str, tmp_path: Path) -> None:
    told = only(lay(tmp_path, {"h/vmcore": content}))
    assert words in (told.damage or "")
    assert told.size == len(content)
    assert told == only(tmp_path)


def test_empty_dumps_are_not_all_one(tmp_path: Path) -> None:
    share = lay(tmp_path, {"a/vmcore": b"", "b/vmcore": b"", "c/vmcore-dmesg.txt": b"\n"})
    assert len({identify(found).id for found in find(share)}) == 3


@settings(max_examples=150)
@given(st.data())
def test_no_damage_is_too_much_for_an_id(data: st.DataObject) -> None:
    raw = bytearray(data.draw(st.sampled_from(SOUND)))
    for at, byte in data.draw(
        st.lists(st.tuples(st.integers(0, 9000), st.integers(0, 255)), max_size=12)
    ):
        raw[at % len(raw)] = byte
    del raw[data.draw(st.integers(1, len(raw))) :]
    with tempfile.TemporaryDirectory() as directory:
        told = only(lay(Path(directory), {"h/vmcore": bytes(raw)}))
    assert told.size == len(raw)


SOUND = (vmcore(), elf(), flattened(vmcore(), range(0, 99999, 4096)))


# -- what cannot be read --------------------------------------------------------------------------


def test_a_dump_that_vanished_or_became_a_link_is_an_error(tmp_path: Path) -> None:
    share = lay(tmp_path / "share", {"h/vmcore": vmcore()})
    (found,) = find(share)
    path = share / "h/vmcore"
    path.rename(tmp_path / "elsewhere")
    with pytest.raises(NoInput, match="No such file") as caught:
        identify(found)
    assert not caught.value.retryable
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(NoInput, match="symbolic links"):
        identify(found)
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(NoInput, match="is no file"):
        identify(found)


@pytest.mark.parametrize("number", [errno.ESTALE, errno.EIO, errno.ETIMEDOUT])
def test_reading_that_may_work_later_is_an_error_that_passes(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (found,) = find(lay(tmp_path, {"h/vmcore": vmcore()}))

    def fails(*_: object) -> bytes:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "pread", fails)
    with pytest.raises(ShareAway, match=r"cannot read .*/h/vmcore") as caught:
        identify(found)
    assert (caught.value.retryable, caught.value.exit_code) == (True, 75)


@pytest.mark.parametrize(
    ("number", "passing"),
    [(errno.ENOSPC, True), (errno.EDQUOT, True), (errno.EMFILE, True), (errno.EAGAIN, True),
     (errno.EHOSTUNREACH, True), (errno.EACCES, False), (errno.EPERM, False),
     (errno.ENOENT, False), (errno.EROFS, False), (errno.ELOOP, False), (errno.EINVAL, False)],
)  # fmt: skip
def test_one_table_says_what_passes(number: int, passing: bool) -> None:
    error = OSError(number, os.strerror(number))
    told: TriageError = unreadable("/s/p", error)
    assert (passes(error), told.retryable) == (passing, passing)
    assert told.next_step
