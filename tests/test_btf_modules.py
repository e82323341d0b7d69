"""Types of modules behind the kernel's: whose name is whose, and what cannot be used."""

import struct
from pathlib import Path

import pytest
from elftools.dwarf.die import DIE
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.live import NEW, built, crash_of, vmtriage
from tests.test_btf import Types, made
from tests.test_namelist import entries, ingredients, named, symbol, value
from vmtriage.namelist.build import Built, build
from vmtriage.namelist.ingredients import Ingredients
from vmtriage.namelist.vmcore import of_parts
from vmtriage.session.commands import CrashCommand
from vmtriage.session.crash import CrashSession, CrashTarget
from vmtriage.source.btf import Kind
from vmtriage.source.btf_modules import with_modules
from vmtriage.source.btf_table import table_of
from vmtriage.source.carried import KernelParts
from vmtriage.source.kallsyms import Symbol


class Split(Types):
    """The BTF of a module, as the kernel writes it: it goes on where the base ends."""

    def __init__(self, base: Types) -> None:
        super().__init__(base.order)
        self.base, self.count, self.names = base, base.count, bytearray()

    def name(self, text: str) -> int:
        if not text:
            return 0
        known = self.base.names.find(f"\0{text}\0".encode()) + 1
        at = (b"\0" + bytes(self.names)).find(f"\0{text}\0".encode())
        if known or at >= 0:
            return known or len(self.base.names) + at
        self.names += text.encode() + b"\0"
        return len(self.base.names) + len(self.names) - len(text) - 1

    def linked(self, name: str, *more: tuple[str, int, int]) -> None:
        """struct NAME { int first; struct NAME *next; MORE };"""
        own = self.count + 2
        pointer = self.add(Kind.PTR, "", own)
        self.struct(name, 16 + 8 * len(more), ("first", 1, 0), ("next", pointer, 64), *more)


def member(of: DIE, name: str) -> DIE:
    return next(each for each in of.iter_children() if value(each, "name") == name.encode())


def written(base: Types, path: Path, **modules: Split) -> tuple[Built, list[DIE]]:
    of = ingredients(base.raw, symbol("jiffies", 0xFFFFFFFF82000000))
    told = build(with_btf(of, {name: each.raw for name, each in modules.items()}), path)
    return told, entries(path)[0]


def with_btf(of: Ingredients, modules: dict[str, bytes]) -> Ingredients:
    return Ingredients(of.btf, of.banner, of.symbols, of.sections, module_btfs=modules)


def all_named(found: list[DIE], name: str) -> list[DIE]:
    return [die for die in found if value(die, "name") == name.encode()]


@pytest.mark.parametrize("order", ["<", ">"])
def test_a_modules_structure_leads_into_the_kernels_types_and_its_own(
    order: str, tmp_path: Path
) -> None:
    base = made(order)
    first, second = Split(base), Split(base)
    first.linked("alpha")
    second.linked("beta", ("task", 10, 128))  # 10: struct task
    told, found = written(base, tmp_path / "out", first=first, second=second)
    assert (told.modules, told.left_out) == (("first", "second"), ())
    for name in ("alpha", "beta"):
        (die,) = all_named(found, name)
        own = member(die, "next").get_DIE_from_attribute("DW_AT_type")
        assert own.get_DIE_from_attribute("DW_AT_type").offset == die.offset
        kernels = member(die, "first").get_DIE_from_attribute("DW_AT_type")
        assert kernels.offset == named(found, "int").offset
    task = member(named(found, "beta"), "task").get_DIE_from_attribute("DW_AT_type")
    assert task.offset == named(found, "task").offset


def test_the_kernels_name_stays_the_kernels(tmp_path: Path) -> None:
    base = made()
    module = Split(base)
    module.linked("task")
    module.add(Kind.TYPEDEF, "pid_t", 2)
    module.linked("own")
    _, found = written(base, tmp_path / "out", my_mod=module)
    (task,) = all_named(found, "task")
    assert value(task, "byte_size") == 56
    assert value(named(found, "task__my_mod"), "byte_size") == 16
    (pid_t,) = all_named(found, "pid_t")
    assert value(pid_t.get_DIE_from_attribute("DW_AT_type"), "name") == b"int"
    assert all_named(found, "pid_t__my_mod")
    assert all_named(found, "own")


def test_a_name_two_modules_use_differently_is_nobodys(tmp_path: Path) -> None:
    base = made()
    one, other, third = Split(base), Split(base), Split(base)
    for each in (one, other, third):
        each.linked("shared")
    one.linked("priv")
    other.linked("priv", ("more", 2, 128))
    _, found = written(base, tmp_path / "out", one=one, other=other, third=third)
    assert not all_named(found, "priv")
    sizes = [value(named(found, name), "byte_size") for name in ("priv__one", "priv__other")]
    assert sizes == [16, 24]
    assert len(all_named(found, "shared")) == 3  # all of them mean the same


def test_an_enumerator_stands_for_one_number_only(tmp_path: Path) -> None:
    base, words = made(), ("SAME", "OTHER", "jiffies")
    base.add(Kind.ENUM, "state", 4, base.name("SAME"), 1, base.name("OTHER"), 2, members=2)
    module = Split(base)
    values = [n for word, n in zip(words, (1, 3, 4), strict=True) for n in (module.name(word), n)]
    module.add(Kind.ENUM, "", 4, *values, members=3)
    _, found = written(base, tmp_path / "out", mod=module)
    told = {str(value(die, "name")): value(die, "const_value") for die in found
            if die.tag == "DW_TAG_enumerator"}  # fmt: skip
    assert told == {"b'SAME'": 1, "b'OTHER'": 2, "b'OTHER__mod'": 3, "b'jiffies__mod'": 4}


def test_more_than_there_is_room_for_is_left_out_and_said() -> None:
    base = made()
    small, large = Split(base), Split(base)
    small.linked("small")
    for n in range(40):
        large.linked(f"large{n}")
    modules = {"large": large.raw, "small": small.raw}
    told = with_modules(table_of(base.raw), modules, most=len(small.raw) + 10)
    assert told.modules == ("small",)
    assert [each.partition(":")[0] for each in told.left_out] == ["large"]


def test_a_module_that_refers_to_nowhere_costs_only_itself(tmp_path: Path) -> None:
    base = made()
    good, bad, cut, tags = Split(base), Split(base), Split(base), Split(base)
    good.linked("good")
    bad.linked("bad", ("none", 4096, 128))
    told, found = written(base, tmp_path / "out", good=good, bad=bad)
    assert told.modules == ("good",)
    assert "bad: its types cannot be used" in told.left_out[0]
    assert all_named(found, "good")
    cut.linked("cut")
    of = with_btf(ingredients(base.raw), {"cut": cut.raw[:-3], "good": good.raw})
    assert build(of, tmp_path / "out").modules == ("good",)
    tags.add(Kind.TYPE_TAG, "user", base.count + 1)  # of itself
    told, found = written(base, tmp_path / "out", tags=tags)
    assert told.modules == ()
    assert "tags" in told.left_out[0]
    assert all_named(found, "task")


_DAMAGED = Split(made())
_DAMAGED.linked("task")
_DAMAGED.add(Kind.ENUM, "state", 4, _DAMAGED.name("ON"), 1, members=1)


@given(at=st.integers(0, len(_DAMAGED.raw) - 1), byte=st.integers(0, 255))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_a_module_says_the_kernels_types_are_told(
    tmp_path: Path, at: int, byte: int
) -> None:
    raw = bytearray(_DAMAGED.raw)
    raw[at] = byte
    told = build(with_btf(ingredients(made().raw), {"mod": bytes(raw)}), tmp_path / "out")
    assert len(told.modules) + len(told.left_out) == 1
    assert value(named(entries(tmp_path / "out")[0], "task"), "byte_size") == 56


def test_types_that_the_dump_does_not_hold_are_said() -> None:
    parts = KernelParts(
        machine="x86_64", release="6.1.0", build_id=None, kaslr=0, banner=b"Linux version 6.1.0\n",
        hz=250, btf=made().raw, module_types=(),
        symbols=[Symbol("_stext", "T", 0xFFFFFFFF81000000)],
        lacking=("types of xfs: page excluded", "HZ: tick_nsec is 0"),
    )  # fmt: skip
    assert of_parts(parts, "vmcore").lacking == ("xfs: page excluded",)


def test_without_modules_nothing_is_told_otherwise(tmp_path: Path) -> None:
    build(ingredients(made().raw), tmp_path / "plain")
    build(with_btf(ingredients(made().raw), {"bad": b"none"}), tmp_path / "left")
    plain, left = (entries(tmp_path / name)[0] for name in ("plain", "left"))
    assert [str(die) for die in plain] == [str(die) for die in left]


def test_names_of_a_module_count_on_from_the_kernels() -> None:
    base, module = made(), Split(made())
    module.add(Kind.TYPEDEF, "own", 1)
    (place,) = struct.unpack_from("<I", module.types)
    told = with_modules(table_of(base.raw), {"mod": module.raw})
    assert place == len(base.names)
    assert told.table.name(told.first) == "own"
    assert told.table.name(told.table.rests[told.first]) == "int"


@pytest.mark.live
@pytest.mark.parametrize(("kernel", "place"), [("6.1", 16), ("6.12", 24)])
def test_live_a_modules_structure_is_known_with_nothing_but_the_dump(
    kernel: str, place: int, tmp_path: Path
) -> None:
    dump, path = built("null", kernel, 1 if kernel == "6.1" else 2), tmp_path / "slim"
    done = vmtriage("namelist", "build", dump.vmcore, "-o", path, "--crash", crash_of(NEW))
    assert done.returncode == 0, done.stderr
    assert "with the types of 3 modules" in done.stderr
    asked = (
        "p sizeof(struct task_struct)", "sym crashlab_null", "dis crashlab_null 1", "bt",
        "struct fw_cfg_sysfs_entry", "p (long)&((struct pvpanic_instance *)0)->list",
    )  # fmt: skip
    with CrashSession(CrashTarget(crash_of(NEW), path, dump.vmcore)) as session:
        told = [each.text for each in session.run([CrashCommand(each) for each in asked])]
    with CrashSession(CrashTarget(crash_of(NEW), dump.vmlinux, dump.vmcore)) as session:
        true = [each.text for each in session.run([CrashCommand(each) for each in asked])]
    assert told[:4] == true[:4]  # the kernel's own types, and the module's symbols
    assert "struct kobject kobj;" in told[4]
    assert "SIZE: 144" in told[4]
    assert told[5].split()[-1] == str(place)


@pytest.mark.live
def test_live_a_namelist_with_modules_is_kept_for_dumps_with_the_same_ones(tmp_path: Path) -> None:
    here = {"VMTRIAGE_CACHE_DIR": str(tmp_path)}
    one, same = built("null", "6.1", 1), built("uaf", "6.1", 1)
    first = vmtriage("namelist", "build", one.vmcore, "--crash", crash_of(NEW), **here)
    second = vmtriage("namelist", "build", same.vmcore, "--crash", crash_of(NEW), **here)
    assert first.stdout == second.stdout
    assert "+modules-" in first.stdout
    assert "was cached" in second.stderr
    assert "with the types of 3 modules" in second.stderr
    assert "with 3 modules" in vmtriage("namelist", "list", **here).stdout
    analyzed = vmtriage("analyze", one.vmcore, "--crash", crash_of(NEW), "--format", "json",
                        "--quick", **here)  # fmt: skip
    assert "+modules-" not in analyzed.stderr  # it is not asked for them: one for all dumps
    assert len(vmtriage("namelist", "list", **here).stdout.splitlines()) == 2
