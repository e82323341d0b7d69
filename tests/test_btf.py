"""Offsets from the kernel's own types: as C lays them out, and as crash's gdb tells them."""

import struct
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.live import NEW, built, crash_of
from vmtriage.parsers import p
from vmtriage.session.commands import numbers, offset, size_of
from vmtriage.session.crash import CrashSession, CrashTarget
from vmtriage.source.btf import BadBtf, Btf, Kind, Unclear, of_vmlinux


class Types:
    """Writes BTF by hand, one type after the other, the first has number 1."""

    def __init__(self, order: str = "<") -> None:
        self.order, self.names, self.types, self.count = order, bytearray(b"\0"), bytearray(), 0

    def name(self, text: str) -> int:
        if not text:
            return 0
        at = self.names.find(f"\0{text}\0".encode()) + 1
        if not at:
            at = len(self.names)
            self.names += text.encode() + b"\0"
        return at

    def add(self, kind: Kind, name: str, rest: int, *more: int, members: int = 0,
            wide: bool = False) -> int:  # fmt: skip
        info = wide << 31 | kind << 24 | members
        self.types += struct.pack(f"{self.order}{3 + len(more)}I", self.name(name), info, rest,
                                  *more)  # fmt: skip
        self.count += 1
        return self.count

    def struct(self, name: str, size: int, *fields: tuple[str, int, int], kind: Kind = Kind.STRUCT,
               wide: bool = False) -> int:  # fmt: skip
        flat = [n for told, of, bits in fields for n in (self.name(told), of, bits)]
        return self.add(kind, name, size, *flat, members=len(fields), wide=wide)

    @property
    def raw(self) -> bytes:
        head = struct.pack(f"{self.order}HBBIIIII", 0xEB9F, 1, 0, 24, 0, len(self.types),
                           len(self.types), len(self.names))  # fmt: skip
        return head + bytes(self.types) + bytes(self.names)


def made(order: str = "<") -> Types:
    """struct task { const pid_t pid; struct { int a; union { int b; long c; }; } ; flag:1;
    struct task *next[3]; struct { int on; } stats; }"""
    types = Types(order)
    number = types.add(Kind.INT, "int", 4, 32)
    long = types.add(Kind.INT, "long int", 8, 64)
    pid_t = types.add(Kind.TYPEDEF, "pid_t", number)
    constant = types.add(Kind.CONST, "", pid_t)
    union = types.struct("", 8, ("b", number, 0), ("c", long, 0), kind=Kind.UNION)
    inner = types.struct("", 16, ("a", number, 0), ("", union, 64))
    pointer = types.add(Kind.PTR, "", types.count + 4)
    array = types.add(Kind.ARRAY, "", 0, pointer, number, 3)
    stats = types.struct("stats", 4, ("on", number, 0))
    types.struct("task", 56, ("pid", constant, 0), ("", inner, 64), ("flag", number, 1 << 24 | 193),
                 ("next", array, 208), ("stats", stats, 400), wide=True)  # fmt: skip
    return types


@pytest.mark.parametrize("order", ["<", ">"])
def test_members_lie_where_c_puts_them(order: str) -> None:
    types = Btf(made(order).raw)
    places = [types.offset_of("task", n) for n in ("pid", "a", "b", "c", "next", "stats.on")]
    assert places == [0, 8, 16, 16, 26, 50]
    assert types.size_of("task") == 56
    sizes = [types.size_of("task", name) for name in ("pid", "c", "next", "stats")]
    assert sizes == [4, 8, 24, 4]


def test_a_pointer_is_as_wide_as_the_machine_says() -> None:
    assert Btf(made().raw, pointer=4).size_of("task", "next") == 12


def test_what_is_not_there_and_what_nobody_can_say_differ() -> None:
    double = made()
    double.struct("stats", 8)
    types = Btf(double.raw)
    assert types.offset_of("task", "nowhere") is None
    assert types.size_of("task", "stats.nowhere") is None
    for asked in ("nothing", "stats"):  # none, and two
        with pytest.raises(Unclear):
            types.offset_of(asked, "on")
    with pytest.raises(Unclear):
        types.offset_of("task", "flag")  # a bit has no address


def test_types_that_go_round_in_circles_end() -> None:
    types = Types()
    types.add(Kind.TYPEDEF, "a", 2)
    types.add(Kind.TYPEDEF, "b", 1)
    types.struct("loop", 8, ("", 1, 0), ("self", 4, 0))
    types.struct("", 8, ("", 4, 0))
    types.struct("inside", 8, ("", 4, 0))
    told = Btf(types.raw)
    for name in ("loop", "inside"):
        with pytest.raises(Unclear):
            told.offset_of(name, "x")


@pytest.mark.parametrize(
    "raw",
    [b"", b"\x9f\xeb", b"\x7fELF" + bytes(60), made().raw[:-1], made().raw[:60],
     made().raw[:24] + bytes(100)],
    ids=["nothing", "magic only", "another format", "no last byte", "cut", "zeros"],
)  # fmt: skip
def test_other_bytes_are_refused(raw: bytes) -> None:
    with pytest.raises(BadBtf):
        Btf(raw)


@given(st.integers(0, len(made().raw) - 1), st.integers(0, 255))
def test_a_flipped_byte_never_breaks_more_than_the_answer(at: int, byte: int) -> None:
    raw = bytearray(made().raw)
    raw[at] = byte
    told: list[int | None] = []
    with suppress(BadBtf, Unclear):
        types = Btf(bytes(raw))
        for ask in (types.offset_of, types.size_of):
            told += [ask("task", name) for name in ("pid", "c", "next", "stats.on")]
    assert all(each is None or each >= 0 for each in told)


def test_a_vmlinux_without_types_has_none(tmp_path: Path) -> None:
    (tmp_path / "vmlinux").write_bytes(b"\x7fELF\x02\x01\x01" + bytes(9))
    assert of_vmlinux(tmp_path / "vmlinux") is None
    assert of_vmlinux(tmp_path / "nothing") is None


_ASKED: tuple[tuple[Callable[..., str], str, str], ...] = (
    (offset, "task_struct", "pid"), (offset, "task_struct", "comm"),
    (size_of, "task_struct", "comm"), (offset, "task_struct", "se.cfs_rq"),
    (offset, "task_struct", "nsproxy"), (offset, "task_struct", "cgroups"),
    (offset, "task_struct", "no_such_member"), (offset, "cfs_rq", "throttled"),
    (offset, "cfs_bandwidth", "quota"), (offset, "cfs_bandwidth", "period_timer"),
    (offset, "page", "compound_head"), (offset, "page", "_refcount"),
    (offset, "mem_cgroup", "memory"), (offset, "nsproxy", "uts_ns"),
    (offset, "uts_namespace", "name.nodename"), (size_of, "uts_namespace", "name.nodename"),
    (offset, "css_set", "dfl_cgrp"), (size_of, "css_set", "subsys"),
    (offset, "kernfs_node", "name"),
    (offset, "signal_struct", "pids"), (size_of, "task_struct", ""), (size_of, "page", ""),
    (offset, "rw_semaphore", "owner"), (offset, "mutex", "owner"), (offset, "request", "q"),
)  # fmt: skip


@pytest.mark.parametrize("kernel", ["6.1", "6.12"])
def test_live_gdb_tells_the_same(kernel: str) -> None:
    """The lab's kernels, by crash on all of their debuginfo."""
    dump = built("sysrq", kernel, {"6.1": 1, "6.12": 2}[kernel])
    types = of_vmlinux(dump.vmlinux)
    assert types is not None
    with CrashSession(CrashTarget(crash_of(NEW), dump.vmlinux, dump.vmcore)) as crash:
        for put, name, path in _ASKED:
            told = (types.offset_of if put is offset else types.size_of)(name, path)
            expression = put(name, path) if path else put(name)
            (output,) = crash.run([numbers([expression])])
            said = p.parse(output.text).numbers[0] if output.text.startswith("$") else None
            assert told == said, expression
