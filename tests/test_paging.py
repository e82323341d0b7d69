"""Virtual addresses lead to the memory that the page tables, written by hand, map there."""

import struct
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vmtriage.source import vmcoreinfo
from vmtriage.source.dumpfile import Dump, Missing, Why

BASE = 0x1000_0000  # physical address of the first table
KERNEL = 0xFFFF_FFFF_8000_0000


@dataclass
class Ram:
    """Physical memory in frames; whatever was never written is excluded."""

    frame: int = 4096
    frames: dict[int, bytearray] = field(default_factory=dict)
    tables: int = BASE

    def read(self, address: int, count: int) -> bytes:
        data = b""
        while count:
            number, at = divmod(address, self.frame)
            if number not in self.frames:
                raise Missing(Why.EXCLUDED, address)
            data += self.frames[number][at : at + count]
            taken = min(count, self.frame - at)
            address, count = address + taken, count - taken
        return data

    def write(self, address: int, data: bytes) -> None:
        number, at = divmod(address, self.frame)
        self.frames.setdefault(number, bytearray(self.frame))[at : at + len(data)] = data

    def table(self) -> int:
        self.tables += self.frame
        self.write(self.tables, b"\0")
        return self.tables

    def close(self) -> None:
        pass

    def entry(self, table: int, index: int) -> int:
        return int(struct.unpack("<Q", self.read(table + 8 * index, 8))[0])

    def x86(self, address: int, physical: int, last: int, levels: int, more: int = 0) -> None:
        """Maps one page of 4 KiB (last level 1), 2 MiB (2) or 1 GiB (3)."""
        table = BASE
        for level in range(levels, last, -1):
            index = address >> 3 + 9 * level & 511
            if not self.entry(table, index):
                self.write(table + 8 * index, struct.pack("<Q", self.table() | 0x63 | more))
            table = self.entry(table, index) & 0x000F_FFFF_FFFF_F000 & ~more
        flags = (0xE3 if last > 1 else 0x63) | 1 << 63 | more  # NX; and PS where it is large
        self.write(table + 8 * (address >> 3 + 9 * last & 511), struct.pack("<Q", physical | flags))


def x86(ram: Ram, levels: int = 4, extra: str = "") -> Dump:
    text = f"SYMBOL(init_top_pgt)={KERNEL:x}\nNUMBER(phys_base)={BASE}\n"
    text += f"NUMBER(pgtable_l5_enabled)={int(levels == 5)}\n{extra}"
    return Dump(ram, "x86_64", "<", vmcoreinfo.parse(text.encode()))


def kernel_addresses(bits: int, shift: int) -> st.SearchStrategy[int]:
    low = (1 << 64) - (1 << bits - 1)
    return st.integers(low >> shift, ((1 << 64) - 1) >> shift).map(lambda n: n << shift)


@given(st.data(), st.sampled_from([4, 5]), st.integers(1, 3), st.booleans())
def test_x86_maps_pages_of_three_sizes(
    data: st.DataObject, levels: int, last: int, encrypted: bool
) -> None:
    shift, ram = 3 + 9 * last, Ram(frames={BASE >> 12: bytearray(4096)})
    mask = 1 << 47 if encrypted else 0
    address = data.draw(kernel_addresses(12 + 9 * levels, shift))
    physical = data.draw(st.integers(1, (1 << 46 - shift) - 1)) << shift
    ram.x86(address, physical, last, levels, mask)
    offset = data.draw(st.integers(0, (1 << shift) - 1))
    dump = x86(ram, levels, f"NUMBER(sme_mask)={mask}\n")
    assert dump.translate(address + offset) == (physical + offset, (1 << shift) - offset)


def test_bytes_are_read_across_pages_that_lie_apart() -> None:
    ram = Ram(frames={BASE >> 12: bytearray(4096)})
    start = 0xFFFF_8880_0000_0000
    for number, physical in enumerate((0x5000, 0x3000)):
        ram.x86(start + 4096 * number, physical, 1, 4)
        ram.write(physical, bytes([number + 1]) * 4096)
    ram.x86(start + 8192, 0x9000, 1, 4)  # memory that the dump left out
    dump = x86(ram)
    assert dump.read_virtual(start + 4094, 4) == b"\1\1\2\2"
    for count, address, why in ((4, start + 8192, Why.EXCLUDED), (1, start + 12288, Why.UNMAPPED)):
        with pytest.raises(Missing) as caught:
            dump.read_virtual(address - 2 * (count > 1), count)
        assert (caught.value.why, caught.value.address) == (why, address)
    found = list(dump.stretches(start + 100, 3 * 4096))
    assert [(each.address, each.size, each.missing and each.missing.why) for each in found] == [
        (start + 100, 3996, None), (start + 4096, 4096, None), (start + 8192, 4096, Why.EXCLUDED),
        (start + 12288, 100, Why.UNMAPPED),
    ]  # fmt: skip


def test_kernel_text_is_found_without_page_tables() -> None:
    ram = Ram()
    ram.write(BASE + 0x1000, b"text")
    assert x86(ram).read_virtual(KERNEL + 0x1000, 4) == b"text"
    with pytest.raises(Missing) as caught:
        x86(ram).read_virtual(0xFFFF_8880_0000_0000, 4)
    assert caught.value.why is Why.EXCLUDED
    assert "page table" in caught.value.detail


@pytest.mark.parametrize("address", [0, 1 << 47, 0x1234_5678_0000_0000, (1 << 64) - 1, 1 << 64])
def test_addresses_that_nothing_maps(address: int) -> None:
    with pytest.raises(Missing) as caught:
        x86(Ram(frames={BASE >> 12: bytearray(4096)})).read_virtual(address, 1)
    assert caught.value.why is Why.UNMAPPED


def test_tables_that_lead_to_themselves_end() -> None:
    ram = Ram(frames={BASE >> 12: bytearray(struct.pack("<Q", BASE | 0x63) * 512)})
    assert x86(ram).translate(0xFFFF_8880_0000_0123) == (BASE + 0x123, 4096 - 0x123)


def test_without_vmcoreinfo_or_for_other_machines_nothing_is_guessed() -> None:
    for machine in ("x86_64", "aarch64", "s390x"):
        dump = Dump(Ram(), machine, "<", vmcoreinfo.parse(b""))
        with pytest.raises(Missing) as caught:
            dump.read_virtual(KERNEL, 8)
        assert caught.value.why is Why.UNMAPPED


_ARM = (  # page shift, bits configured, bits used
    (12, 39, 39), (12, 48, 48), (12, 52, 52), (12, 52, 48), (14, 47, 47), (14, 48, 48),
    (14, 52, 52), (16, 42, 42), (16, 48, 48), (16, 52, 52), (16, 52, 48),
)  # fmt: skip


def arm(ram: Ram, shift: int, configured: int, used: int) -> Dump:
    top = 0xFFFF_8000_0800_0000
    text = f"PAGESIZE={1 << shift}\nSYMBOL(swapper_pg_dir)={top:x}\nSYMBOL(_stext)={top:x}\n"
    text += f"NUMBER(VA_BITS)={configured}\nNUMBER(TCR_EL1_T1SZ)={64 - used:#x}\n"
    text += f"NUMBER(kimage_voffset)={top - BASE:#x}\n"
    return Dump(ram, "aarch64", "<", vmcoreinfo.parse(text.encode()))


@given(st.data(), st.sampled_from(_ARM), st.booleans())
def test_arm64_maps_pages_and_blocks(
    data: st.DataObject, kind: tuple[int, int, int], block: bool
) -> None:
    page, configured, used = kind
    each = page - 3
    levels = -(-(used - page) // each)
    ram = Ram(frame=1 << page, frames={BASE >> page: bytearray(1 << page)})
    low = (1 << 64) - (1 << used)
    last = 2 if block else 1
    size = page + each * (last - 1)
    address = data.draw(st.integers(low >> size, ((1 << 64) - 1) >> size)) << size
    wide = used == 52 or page == 16
    physical = data.draw(st.integers(1, (1 << (52 if wide else 48) - size) - 1)) << size
    table = BASE
    for level in range(levels, last, -1):
        shift = page + each * (level - 1)
        # the kernel lays its first table out for the configured bits
        width = each if level < levels else min(each, configured - shift)
        following = ram.table()
        at = table + 8 * (address >> shift & (1 << width) - 1)
        ram.write(at, struct.pack("<Q", following | 3))
        table = following
    if page == 16:
        told = physical & (1 << 48) - 1 | (physical >> 48) << 12
    elif used == 52:
        told = physical & (1 << 50) - 1 | (physical >> 50) << 8
    else:
        told = physical | 3 << 8  # shareability
    width = each if last < levels else min(each, configured - size)
    flags = 1 << 54 | (1 if block else 3)
    ram.write(table + 8 * (address >> size & (1 << width) - 1), struct.pack("<Q", told | flags))
    offset = data.draw(st.integers(0, (1 << size) - 1))
    dump = arm(ram, page, configured, used)
    assert dump.translate(address + offset) == (physical + offset, (1 << size) - offset)


def test_the_arm64_image_is_found_without_page_tables() -> None:
    ram = Ram()
    ram.write(BASE + 0x2000, b"text")
    assert arm(ram, 12, 48, 48).read_virtual(0xFFFF_8000_0800_2000, 4) == b"text"
