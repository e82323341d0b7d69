"""What vmtriage reads from a dump's header, and how it refuses what is no dump."""

import struct
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from vmtriage.errors import BadDump, NoInput, TriageError
from vmtriage.source import vmcoreinfo
from vmtriage.source.dump import identify

BUILD_ID = "00112233445566778899aabbccddeeff00112233"
INFO = (
    f"OSRELEASE=6.1.0-9-amd64\nBUILD-ID={BUILD_ID}\nCRASHTIME=1700000000\nKERNELOFFSET=13c00000\n"
).encode()


def kdump(status: int = 0x2, level: int = 31, info: bytes = INFO) -> bytes:
    """A compressed kdump's first blocks, by makedumpfile's layout."""
    head = bytearray(4096 * 3)
    head[:8] = b"KDUMP   "
    struct.pack_into("<i", head, 8, 6)
    head[12 + 130 : 12 + 130 + 14] = b"6.1.0-9-amd64\0"
    struct.pack_into("<qq", head, 408, 1700000001, 0)
    struct.pack_into("<Ii", head, 424, status, 4096)
    struct.pack_into("<qii", head, 4096, 0, level, 0)
    struct.pack_into("<qQ", head, 4096 + 32, 8192, len(info))
    head[8192 : 8192 + len(info)] = info
    return bytes(head)


def elf(info: bytes = INFO, kind: int = 4) -> bytes:
    note = struct.pack("<III", 11, len(info), 0) + b"VMCOREINFO\0\0" + info
    header = b"\x7fELF\x02\x01\x01" + bytes(9)
    header += struct.pack("<HHIQQQIHHHHHH", kind, 62, 1, 0, 64, 0, 0, 64, 56, 1, 0, 0, 0)
    program = struct.pack("<IIQQQQQQ", 4, 0, 120, 0, 0, len(note), len(note), 0)
    return header + program + note


def flattened(content: bytes) -> bytes:
    head = b"makedumpfile".ljust(16, b"\0") + struct.pack(">qq", 1, 1)
    records = b"".join(
        struct.pack(">qq", at, len(content[at : at + 4096])) + content[at : at + 4096]
        for at in range(0, len(content), 4096)
    )
    return head.ljust(4096, b"\0") + records + struct.pack(">qq", -1, -1)


def put(tmp_path: Path, content: bytes) -> Path:
    path = tmp_path / "vmcore"
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    ("status", "compression"),
    [(0x1, "zlib"), (0x2, "lzo"), (0x4, "snappy"), (0x20, "zstd"), (0x0, "none")],
)
def test_a_kdump_says_how_it_was_made(tmp_path: Path, status: int, compression: str) -> None:
    found = identify(put(tmp_path, kdump(status)))
    assert (found.format, found.compression, found.dump_level) == ("kdump", compression, 31)
    assert (found.release, found.build_id) == ("6.1.0-9-amd64", BUILD_ID)
    assert found.crash_time is not None
    assert found.crash_time.isoformat() == "2023-11-14T22:13:20+00:00"
    assert (found.partial, found.incomplete, found.kaslr_offset) == (True, False, "13c00000")


def test_a_dump_cut_while_being_written_is_told(tmp_path: Path) -> None:
    assert identify(put(tmp_path, kdump(0x2 | 0x8))).incomplete is True


def test_a_flattened_dump_is_read_in_place(tmp_path: Path) -> None:
    found = identify(put(tmp_path, flattened(kdump())))
    assert (found.format, found.release, found.dump_level) == ("flattened", "6.1.0-9-amd64", 31)


def test_an_elf_core_is_known_by_its_note(tmp_path: Path) -> None:
    found = identify(put(tmp_path, elf()))
    assert (found.format, found.build_id, found.incomplete) == ("elf", BUILD_ID, False)


def test_a_cut_elf_core_is_told(tmp_path: Path) -> None:
    assert identify(put(tmp_path, elf()[:-20])).incomplete is True


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"\x1f\x8b\x08rest", "gzip"),
        (b"hello\n", "not a kernel dump"),
        (elf(kind=2), "no core dump"),
    ],
)
def test_what_is_no_dump_is_refused_with_a_next_step(
    tmp_path: Path, content: bytes, words: str
) -> None:
    with pytest.raises(BadDump, match=words) as caught:
        identify(put(tmp_path, content))
    assert caught.value.next_step
    assert caught.value.exit_code == 65


def test_a_missing_dump_is_missing_input(tmp_path: Path) -> None:
    with pytest.raises(NoInput) as caught:
        identify(tmp_path / "nothing")
    assert caught.value.exit_code == 66


@example(cut=58, flip=561, form=1)  # a program header table beyond any file
@given(cut=st.integers(0, 12288), flip=st.integers(0, 12287), form=st.sampled_from([0, 1, 2]))
def test_a_damaged_header_is_an_error_or_an_answer_never_a_traceback(
    tmp_path_factory: pytest.TempPathFactory, cut: int, flip: int, form: int
) -> None:
    whole = bytearray([kdump(), elf(), flattened(kdump())][form])
    whole[flip % len(whole)] ^= 0xFF
    path = tmp_path_factory.mktemp("cut") / "vmcore"
    path.write_bytes(bytes(whole[:cut]))
    said: object = None
    try:
        said = identify(path).size
    except TriageError as error:
        said = error.next_step
    assert said == min(cut, len(whole)) or (isinstance(said, str) and said)


@pytest.mark.parametrize("release", ["../../etc/passwd", "a/b", "x" * 99, "", "a b", "$(id)"])
def test_a_hostile_release_never_reaches_a_path(release: str) -> None:
    assert vmcoreinfo.parse(f"OSRELEASE={release}".encode()).release is None
