"""Physical memory comes out of every form of dump as it went in; what is missing says why."""

import os
import random
import struct
import zlib
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.kdump_writer import PACK, Core, Load, Pages, Written, flattened
from vmtriage.errors import BadDump, NoInput, TriageError
from vmtriage.source.dump import identify
from vmtriage.source.dumpfile import Dump, Missing, Why, open_dump
from vmtriage.source.dumpfile.flattened import reorder
from vmtriage.source.dumpfile.miscounted import miscounted

PAGE = 4096


def page(seed: int) -> bytes:
    """A page that compresses well, badly or to nothing."""
    source = random.Random(seed)
    match seed % 4:
        case 0:
            return bytes(PAGE)
        case 1:
            return source.randbytes(PAGE)
        case 2:
            return source.randbytes(16) * (PAGE // 16)
        case _:
            return source.randbytes(PAGE // 2) + bytes(PAGE // 2)


def put(home: Path, content: bytes, name: str = "vmcore") -> Path:
    path = home / name
    path.write_bytes(content)
    return path


def told(dump: Dump, pfn: int, size: int = PAGE) -> bytes | Why:
    try:
        return dump.read_physical(pfn * size, size)
    except Missing as missing:
        return missing.why if missing.address == pfn * size else Why.UNMAPPED


def expected(pages: Pages, pfn: int) -> bytes | Why:
    if pfn not in pages:
        return Why.OUTSIDE
    found = pages[pfn]
    return Why.EXCLUDED if found is None else found


_PAGES = st.dictionaries(
    st.integers(0, 3000), st.none() | st.integers(0, 50).map(page), min_size=1, max_size=40
)
_ORDERS = st.sampled_from("<>")
_PACKINGS = st.lists(st.sampled_from(list(PACK)), min_size=1, max_size=5)


@settings(max_examples=60)
@given(_PAGES, _ORDERS, _PACKINGS, st.integers(1, 6), st.lists(st.integers(0, 1 << 20)),
       st.sampled_from(["plain", "flat", "backwards"]))  # fmt: skip
def test_a_kdump_gives_back_every_page(
    tmp_path_factory: pytest.TempPathFactory, pages: Pages, order: str, packings: list[int],
    version: int, cuts: list[int], form: str,
) -> None:  # fmt: skip
    content = Written(pages, order, version=version, packings=packings).raw
    if form != "plain":
        content = flattened(content, cuts, backwards=form == "backwards")
    with open_dump(put(tmp_path_factory.mktemp("kdump"), content)) as dump:
        assert dump.order == order
        for pfn in {*pages, 0, max(pages) + 1, 1 << 40}:
            assert told(dump, pfn) == expected(pages, pfn)


@given(_PAGES, st.lists(st.integers(0, 3001), max_size=4), st.randoms(use_true_random=False))
def test_split_parts_are_one_memory_in_any_order(
    tmp_path_factory: pytest.TempPathFactory, pages: Pages, cuts: list[int], luck: random.Random
) -> None:
    home, top = tmp_path_factory.mktemp("split"), max(pages) + 1
    edges = sorted([0, top, *(min(cut, top) for cut in cuts)])
    parts = [
        put(home, Written(pages, part=(begin, end), packings=(1,)).raw, f"part{number}")
        for number, (begin, end) in enumerate(pairwise(edges))
    ]
    luck.shuffle(parts)
    with open_dump(*parts) as dump:
        for pfn in pages:
            assert told(dump, pfn) == expected(pages, pfn)
    assert identify(*parts).incomplete is False


def test_a_part_alone_says_that_others_are_missing(tmp_path: Path) -> None:
    pages = {1: page(1), 2: None, 9: page(9)}
    part = put(tmp_path, Written(pages, part=(0, 5)).raw)
    with open_dump(part) as dump:
        assert [told(dump, pfn) for pfn in (1, 2, 9)] == [page(1), Why.EXCLUDED, Why.DAMAGED]
    assert identify(part).incomplete is True


def found_by_crash(dumped: Sequence[bool], begin: int, end: int) -> list[int]:
    """The descriptor that crash 8.0 looks a page of a part up in, for each it holds."""
    sections = [0]
    for first in range(begin // 64 * 64, begin // 64 * 64 + end - begin, 4096):
        sections.append(sections[-1] + sum(dumped[first : first + 4096]))
    return [
        sections[(pfn - begin) // 4096]
        + sum(dumped[begin + (pfn - begin) // 4096 * 4096 : pfn])
        for pfn in range(begin, end) if dumped[pfn]
    ]  # fmt: skip


@given(
    begin=st.integers(0, 130), length=st.integers(1, 9000),
    left_out=st.sets(st.integers(0, 200)), more=st.sets(st.integers(4000, 8600)),
)  # fmt: skip
@settings(max_examples=50, deadline=None)
def test_a_part_that_crash_would_misread_is_known(
    begin: int, length: int, left_out: set[int], more: set[int],
    tmp_path_factory: pytest.TempPathFactory,
) -> None:  # fmt: skip
    top, zeros = 9200, bytes(4096)
    pages = {pfn: None if pfn in left_out | more else zeros for pfn in range(top)}
    part = (begin, min(begin + length, top))
    path = put(tmp_path_factory.mktemp("part"), Written(pages, part=part).raw)
    dumped = [page is not None for page in pages.values()]
    found = found_by_crash(dumped, *part)
    assert miscounted(path) == (None if found == list(range(len(found))) else path)


def test_a_part_that_claims_more_pages_than_there_can_be_is_no_endless_loop(
    tmp_path: Path,
) -> None:
    raw = bytearray(Written({1: page(1), 9: page(9)}, part=(1, 9)).raw)
    raw[4096 + 80 : 4096 + 104] = struct.pack("<QQQ", 1, 1 << 62, 1 << 62)
    assert miscounted(put(tmp_path, bytes(raw))) is None


def test_parts_of_different_dumps_are_refused(tmp_path: Path) -> None:
    one = put(tmp_path, Written({1: page(1), 9: page(9)}, part=(0, 5)).raw, "one")
    other = put(tmp_path, Written({7: page(1)}, part=(5, 8)).raw, "other")
    whole = put(tmp_path, Written({7: page(1)}).raw, "whole")
    core = put(tmp_path, Core([]).raw, "core")
    for files in ((one, other), (one, one), (one, whole), (one, core)):
        with pytest.raises(BadDump) as caught:
            open_dump(*files)
        assert caught.value.next_step


@given(_ORDERS, st.booleans(), st.integers(0, 3), st.booleans())
def test_an_elf_core_gives_back_its_segments(
    tmp_path_factory: pytest.TempPathFactory, order: str, xnum: bool, empty: int, flat: bool
) -> None:
    loads = [Load(0x1000, page(1) + page(2)), Load(0x10000, page(3), size=0x3000)]
    content = Core(loads, order, xnum=xnum, empty=empty).raw
    content = flattened(content, [100, 5000]) if flat else content
    with open_dump(put(tmp_path_factory.mktemp("elf"), content)) as dump:
        assert dump.read_physical(0x1800, 0x1000) == (page(1) + page(2))[0x800:0x1800]
        assert [told(dump, pfn) for pfn in (0, 3, 16, 17, 19)] == [
            Why.OUTSIDE, Why.OUTSIDE, page(3), Why.EXCLUDED, Why.OUTSIDE,
        ]  # fmt: skip
        with pytest.raises(Missing) as caught:
            dump.read_physical(0x10FF0, 0x20)
        assert caught.value.address == 0x11000


def test_more_program_headers_than_their_field_can_count(tmp_path: Path) -> None:
    loads = [Load(number << 13, number.to_bytes(4, "big")) for number in range(70_000)]
    with open_dump(put(tmp_path, Core(loads, xnum=True).raw)) as dump:
        assert dump.read_physical(69_999 << 13, 4) == (69_999).to_bytes(4, "big")


def test_a_segment_within_another_counts_where_it_lies(tmp_path: Path) -> None:
    """/proc/vmcore has the kernel's text twice."""
    loads = [Load(0, bytes(PAGE * 4)), Load(PAGE, b"x" * PAGE)]
    with open_dump(put(tmp_path, Core(loads).raw)) as dump:
        assert dump.read_physical(PAGE - 2, 4) == b"\0\0xx"
        assert dump.read_physical(2 * PAGE - 2, 4) == b"xx\0\0"


def test_large_pages(tmp_path: Path) -> None:
    pages = {3: page(3) * 16, 4: None}
    with open_dump(put(tmp_path, Written(pages, block=65536, machine=b"aarch64").raw)) as dump:
        assert told(dump, 3, 65536) == pages[3]
        assert told(dump, 4, 65536) is Why.EXCLUDED


def test_a_dump_that_ends_early_gives_what_it_has(tmp_path: Path) -> None:
    pages = {pfn: page(1 + 4 * pfn) for pfn in range(20)}  # none of them compresses
    content = Written(pages).raw
    path = put(tmp_path, content[: -5 * PAGE - 1])
    with open_dump(path) as dump:
        found = [told(dump, pfn) for pfn in range(20)]
    assert found == [*(pages[pfn] for pfn in range(14)), *[Why.DAMAGED] * 6]
    assert identify(path).incomplete is True


def test_pages_never_written_for_want_of_space_are_damage(tmp_path: Path) -> None:
    content = bytearray(Written({0: page(1), 1: page(5)}, status=0x2 | 0x8).raw)
    content[4 * PAGE + 24 : 4 * PAGE + 48] = bytes(24)  # the second descriptor
    with open_dump(put(tmp_path, bytes(content))) as dump:
        assert (told(dump, 0), told(dump, 1)) == (page(1), Why.DAMAGED)


def test_a_page_that_blows_up_is_damage(tmp_path: Path) -> None:
    bombs: Mapping[int, bytes] = {flag: PACK[flag](bytes(200_000)) for flag in (1, 2, 4, 0x20)}
    for flag, bomb in bombs.items():
        content = bytearray(Written({0: page(1)}, packings=(flag,)).raw)
        struct.pack_into("<qII", content, 4 * PAGE, len(content), len(bomb), flag)
        with open_dump(put(tmp_path, bytes(content) + bomb)) as dump:
            assert told(dump, 0) is Why.DAMAGED


def test_records_that_overwrite_and_leave_holes(tmp_path: Path) -> None:
    content = Written({0: page(1)}).raw
    flat = flattened(content)
    head = struct.pack(">qq", 8, 4) + struct.pack("<i", 5)  # a later record: version 5
    patched = flat[:-16] + head + flat[-16:]
    with open_dump(put(tmp_path, patched)) as dump:
        assert told(dump, 0) is Why.OUTSIDE  # version 5 has the count of pages elsewhere: none
    reorder(put(tmp_path, patched), tmp_path / "plain")
    assert (tmp_path / "plain").read_bytes() == content[:8] + struct.pack("<i", 5) + content[12:]


def test_reordering_refuses_a_transfer_that_was_cut(tmp_path: Path) -> None:
    flat = flattened(Written({0: page(1)}).raw, [100, 9000])
    for content, words in ((flat[:-100], "breaks off at byte"), (flat[4112:], "not flattened")):
        with pytest.raises(BadDump, match=words):
            reorder(put(tmp_path, content), tmp_path / "plain")
    assert identify(put(tmp_path, flat[:-100])).incomplete is True


def test_a_32_bit_kernel_is_recognised_but_not_read(tmp_path: Path) -> None:
    head = bytearray(3 * PAGE)
    struct.pack_into("<8si", head, 0, b"KDUMP   ", 6)
    struct.pack_into("<iiIi", head, 404, 1700000000, 0, 1, PAGE)
    path = put(tmp_path, bytes(head))
    assert identify(path).compression == "zlib"
    with pytest.raises(BadDump, match="32-bit"):
        open_dump(path)


def test_what_cannot_be_opened_is_told_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "nothing", tmp_path / "pipe"):
        for ask in (open_dump, identify):
            with pytest.raises(NoInput):
                ask(path)
    for content in (b"", b"hello", zlib.compress(b"x"), b"KDUMP   ", b"\x7fELF", b"makedumpfile"):
        with pytest.raises(BadDump):
            open_dump(put(tmp_path, content))


_SMALL: Pages = {pfn: page(pfn) if pfn % 5 else None for pfn in range(1, 24)}
_VICTIMS = (
    Written(_SMALL, packings=tuple(PACK), info=b"OSRELEASE=6.1.0\n").raw,
    Written(_SMALL, order=">", packings=(1, 2), version=5).raw,
    Written(_SMALL, packings=(4, 0x20), part=(0, 24)).raw,
    Core([Load(PAGE, page(1) * 3), Load(0, page(2) * 9)], info=b"OSRELEASE=6.1.0\n").raw,
    flattened(Written(_SMALL, packings=(2,)).raw, range(0, 40_000, 3000), backwards=True),
)


@settings(max_examples=300)
@given(st.sampled_from(_VICTIMS), st.data())
def test_a_damaged_dump_gives_bytes_or_a_reason(
    tmp_path_factory: pytest.TempPathFactory, whole: bytes, data: st.DataObject
) -> None:
    content = bytearray(whole)
    # headers, bitmaps and descriptors are the first blocks: damage meets them more often
    places = st.integers(0, 600) | st.integers(4096, 4800) | st.integers(0, len(content) - 1)
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(places) % len(content)
        match data.draw(st.sampled_from(["flip", "zero", "ones", "cut", "number"])):
            case "flip":
                content[at] ^= 1 << data.draw(st.integers(0, 7))
            case "zero":
                content[at : at + 200] = bytes(len(content[at : at + 200]))
            case "ones":
                content[at : at + 8] = b"\xff" * len(content[at : at + 8])
            case "cut":
                del content[max(at, 1) :]
            case "number":
                raw = data.draw(st.integers(0, (1 << 64) - 1)).to_bytes(8, "little")
                content[at : at + 8] = raw[: len(content[at : at + 8])]
    path = put(tmp_path_factory.mktemp("damaged"), bytes(content))
    answers: list[object] = []
    for ask in (identify, open_dump):
        try:
            found = ask(path)
        except TriageError as error:
            answers.append(error.next_step)
            continue
        if isinstance(found, Dump):
            with found:
                answers += [told(found, pfn) for pfn in range(26)]
                answers.append(told(found, (1 << 52) - 1))
        else:
            answers.append(found)
    assert all(answers)
    assert all(len(each) == PAGE for each in answers if isinstance(each, bytes))
