"""A vmlinuz in every way of packing, and the real ones of the lab's kernels."""

import bz2
import gzip
import lzma
import struct
from collections.abc import Callable
from pathlib import Path

import cramjam
import pytest

from tests.live import built
from vmtriage.errors import NoDebuginfo
from vmtriage.namelist.bzimage import is_bzimage, read_vmlinuz
from vmtriage.namelist.vmcore import read_vmcore

_ELF = b"\x7fELF\x02\x01\x01" + bytes(9) + b"\x02\0" + bytes(60 + 4096)  # nothing in it


def image(payload: bytes, version: int = 0x020F) -> bytes:
    """A setup of one sector, and the payload right behind it."""
    head = bytearray(1024)
    head[0x1F1] = 1
    head[0x202:0x206] = b"HdrS"
    struct.pack_into("<H", head, 0x206, version)
    struct.pack_into("<II", head, 0x248, 0, len(payload))
    return bytes(head) + payload


def legacy_lz4(data: bytes) -> bytes:
    block = bytes(cramjam.lz4.compress_block(data, store_size=False))
    return b"\x02\x21\x4c\x18" + struct.pack("<I", len(block)) + block


def zstd(data: bytes) -> bytes:
    return bytes(cramjam.zstd.compress(data))


def lzop(data: bytes) -> bytes:
    """One stored block, as lzop writes what cannot be made smaller."""
    head = struct.pack(">HHHBBIIIIB", 0x1030, 0x2080, 0x0940, 1, 5, 0, 0, 0, 0, 0) + bytes(4)
    block = struct.pack(">III", len(data), len(data), 0) + data
    return b"\x89LZO\x00\r\n\x1a\n" + head + block + bytes(4)


def stored(data: bytes) -> bytes:
    return data


@pytest.mark.parametrize(
    "pack", [gzip.compress, lzma.compress, bz2.compress, zstd, legacy_lz4, lzop, stored]
)
def test_each_way_of_packing_is_unpacked(pack: Callable[[bytes], bytes], tmp_path: Path) -> None:
    size = b"" if pack in (gzip.compress, stored) else struct.pack("<I", len(_ELF))
    (tmp_path / "vmlinuz").write_bytes(image(pack(_ELF) + size))
    assert is_bzimage(tmp_path / "vmlinuz")
    with pytest.raises(NoDebuginfo, match="carries no BTF"):  # it was read
        read_vmlinuz(tmp_path / "vmlinuz")


@pytest.mark.parametrize(
    "raw", [image(b"unknown packing"), image(gzip.compress(_ELF), 0x0204),
            image(lzma.compress(_ELF)[:40]), image(zstd(_ELF)[:60])],
    ids=["unknown", "too old", "cut xz", "cut zstd"],
)  # fmt: skip
def test_what_cannot_be_unpacked_is_said(raw: bytes, tmp_path: Path) -> None:
    (tmp_path / "vmlinuz").write_bytes(raw)
    with pytest.raises(NoDebuginfo):
        read_vmlinuz(tmp_path / "vmlinuz")


@pytest.mark.live
@pytest.mark.parametrize(("kernel", "cgroup"), [("6.1", 1), ("6.12", 2)])
def test_live_a_vmlinuz_has_the_symbols_and_types_of_its_dump(kernel: str, cgroup: int) -> None:
    dump = built("sysrq", kernel, cgroup)
    release = dump.vmlinux.name.removeprefix("vmlinux-")
    vmlinuz = dump.vmlinux.parents[4] / "boot" / f"vmlinuz-{release}"
    packed, run = read_vmlinuz(vmlinuz), read_vmcore(dump.vmcore)
    assert packed.btf == run.btf
    assert packed.banner == run.banner
    assert (packed.hz, packed.build_id) == (run.hz, run.build_id)
    sections = {each.name.encode() for each in packed.sections}  # these have symbols too
    kernels = {(e.name, e.address) for e in packed.symbols if e.name not in sections}
    assert kernels <= {(each.name, each.address) for each in run.symbols}
    assert len(kernels) > 50_000
