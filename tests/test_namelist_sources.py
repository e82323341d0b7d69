"""What a vmlinux tells of itself: HZ from its clock, its build, and what it lacks."""

import struct
from pathlib import Path

import pytest

from tests.test_btf import Types
from tests.test_namelist import ingredients
from vmtriage.errors import NoDebuginfo, NoInput, SessionError
from vmtriage.namelist.adaptations import usable_with
from vmtriage.namelist.build import build
from vmtriage.namelist.ensure import Wanted, ensure
from vmtriage.namelist.hz import hz_of
from vmtriage.namelist.ingredients import Symbol, release_of
from vmtriage.namelist.vmlinux import read_vmlinux
from vmtriage.source.btf import Kind

_AT = 0xFFFFFFFF82000000
_CLOCK = {b"clocksource_jiffies": Symbol(b"clocksource_jiffies", "d", _AT, 16, 0)}


def clock() -> bytes:
    types = Types()
    number = types.add(Kind.INT, "unsigned int", 4, 32)
    types.struct("clocksource", 16, ("mult", number, 64), ("shift", number, 96))
    return types.raw


@pytest.mark.parametrize(
    ("mult", "shift", "hz"),
    [(4_000_000 << 8, 8, 250), (1_000_000 << 8, 8, 1000), (10_000_000 << 8, 8, 100),
     (3_333_333 << 8, 8, 300), (0, 8, None), (4_000_000, 40, None), (77 << 8, 8, None)],
)  # fmt: skip
def test_the_clock_of_ticks_tells_hz(mult: int, shift: int, hz: int | None) -> None:
    memory = bytes(8) + struct.pack("<II", mult & 0xFFFFFFFF, shift)
    assert hz_of(clock(), _CLOCK, lambda at, n: memory[at - _AT :][:n]) == hz


def test_a_kernel_without_the_clock_tells_no_hz() -> None:
    assert hz_of(clock(), {}, lambda *_: b"") is None
    assert hz_of(Types().raw, _CLOCK, lambda *_: b"") is None
    assert hz_of(clock(), _CLOCK, lambda *_: b"") is None


def test_a_banner_tells_the_release() -> None:
    assert release_of(b"Linux version 6.1.0-9-amd64 (debian)\n") == "6.1.0-9-amd64"
    assert release_of(b"\0\0") is None


@pytest.mark.parametrize(
    ("version", "usable"), [("7.3.2", False), ("8.0.2", True), ("9.0.1++", True), (None, True)]
)
def test_an_older_gdb_would_misread_it(version: str | None, usable: bool, tmp_path: Path) -> None:
    assert usable_with(version) is usable
    if not usable:
        with pytest.raises(SessionError, match="misreads"):
            ensure(Wanted(vmlinux=tmp_path, crash_version=version), tmp_path)


def test_a_file_without_types_is_refused(tmp_path: Path) -> None:
    build(ingredients(clock()), tmp_path / "slim")  # it has DWARF, but BTF no more
    with pytest.raises(NoDebuginfo, match="carries no BTF"):
        read_vmlinux(tmp_path / "slim")
    (tmp_path / "text").write_text("hello")
    with pytest.raises(NoDebuginfo, match="not a vmlinux"):
        ensure(Wanted(vmlinux=tmp_path / "text"), tmp_path)
    with pytest.raises(NoInput):
        read_vmlinux(tmp_path / "nowhere")
