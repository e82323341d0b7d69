"""Memory of real dumps: every form gives the bytes that drgn reads, nm's symbols, BTF."""

import functools
import json
import subprocess
from pathlib import Path

import drgn
import pytest

from fixtures import lab
from tests.live import (
    NEW,
    Json,
    built,
    crash_of,
    makedumpfile,
    misread_parts,
    split,
    vmtriage,
)
from vmtriage.source.btf import Btf, of_vmlinux
from vmtriage.source.carried import KernelParts, carried, image
from vmtriage.source.dump import identify
from vmtriage.source.dumpfile import Dump, Missing, open_dump
from vmtriage.source.dumpfile.flattened import reorder
from vmtriage.source.dumpfile.miscounted import miscounted
from vmtriage.source.kallsyms import Symbol
from vmtriage.source.kallsyms_search import find_tables

pytestmark = pytest.mark.live

_KERNELS = (("6.1", 1), ("6.12", 2))
_FORMS = ("lzo", "zlib", "zstd", "flat", "elf")


@functools.cache
def reference(vmcore: Path) -> drgn.Program:
    program = drgn.Program()
    program.set_core_dump(vmcore)
    return program


def same_everywhere(dump: Dump, parts: KernelParts, true: drgn.Program) -> None:
    """The banner, tables, types, the first task and the per-CPU areas, as drgn reads them."""
    told = {each.name: each.address + parts.kaslr for each in parts.symbols}
    percpu = {each.name: each.address for each in parts.symbols if each.address < 1 << 31}
    areas = dump.read_virtual(told["__per_cpu_offset"], 4 * 8)
    ranges = [
        (told["linux_banner"], 200), (told["init_task"], 4096), (told["_stext"], 1 << 20),
        (told["__start_BTF"], told["__stop_BTF"] - told["__start_BTF"]),
        (dump.info.symbols["kallsyms_names"], 1 << 20),
        *((int.from_bytes(areas[at : at + 8], "little") + percpu["runqueues"], 2048)
          for at in range(0, 32, 8)),
    ]  # fmt: skip
    for address, size in ranges:
        assert dump.read_virtual(address, size) == true.read(address, size), hex(address)


@pytest.mark.parametrize(("kernel", "cgroup"), _KERNELS)
@pytest.mark.parametrize("form", _FORMS)
def test_live_kernel_memory_is_what_drgn_reads(kernel: str, cgroup: int, form: str) -> None:
    dump = built("sysrq", kernel, cgroup)
    with open_dump(dump.vmcore_in(form)) as memory:
        parts = carried(memory)
        assert parts.lacking == ()
        assert parts.release == dump.release
        same_everywhere(memory, parts, reference(dump.vmcore))


def test_live_a_true_kdump_is_read_alike() -> None:
    dump = lab.build_kdump("sysrq", kernel="6.1")
    with open_dump(dump.vmcore) as memory:
        same_everywhere(memory, carried(memory), reference(dump.vmcore))


@pytest.mark.parametrize(("kernel", "cgroup"), _KERNELS)
def test_live_a_kernel_carries_what_its_vmlinux_has(kernel: str, cgroup: int) -> None:
    dump = built("sysrq", kernel, cgroup)
    with open_dump(dump.vmcore) as memory:
        parts = carried(memory)
        places = {each.name: each.address for each in parts.symbols}
        text, missing = image(memory, places["_stext"], places["_etext"])
    listed = subprocess.run(["nm", dump.vmlinux], capture_output=True, text=True, check=True)
    rows = [line.split() for line in listed.stdout.splitlines()]
    true = {Symbol(row[2], row[1], int(row[0], 16)) for row in rows if len(row) == 3}
    # kallsyms calls per-CPU ones absolute
    odd = [s for s in parts.symbols if s not in true and (s.kind, s.address >> 31) != ("A", 0)]
    assert odd == []
    assert {s.name for s in true if s.kind in "Tt"} - {s.name for s in parts.symbols} <= {
        s.name for s in true if s.name.startswith((".L", "__pi_", "__crc_"))
    }
    assert parts.hz == 250
    assert parts.banner is not None
    assert parts.banner.startswith(b"Linux version " + dump.release.encode())
    assert parts.btf is not None
    types, whole = Btf(parts.btf), of_vmlinux(dump.vmlinux)
    assert whole is not None
    assert types.size_of("task_struct") == whole.size_of("task_struct")
    assert {"pvpanic", "qemu_fw_cfg"} <= {each.name for each in parts.module_types}
    assert all(each.btf.startswith(b"\x9f\xeb") for each in parts.module_types)
    assert not missing
    assert len(text) > 10 << 20


def every_page(dump: Dump) -> dict[int, bytes]:
    found = {}
    for pfn in range(0x20000):
        try:
            found[pfn] = dump.read_physical(pfn << 12, 4096)
        except Missing:
            continue
    return found


def test_live_every_form_holds_the_same_pages(tmp_path: Path) -> None:
    dump = built("sysrq", "6.1", 1)
    parts = [tmp_path / f"part{number}" for number in range(3)]
    core = dump.vmcore_in("elf")
    makedumpfile("-l", "-d", "31", "--split", "--splitblock-size", "4", core, *parts)
    with open_dump(core) as whole, open_dump(dump.vmcore) as one:
        pages = every_page(one)
        assert all(whole.read_physical(pfn << 12, 4096) == page for pfn, page in pages.items())
    for files in (parts, *([dump.vmcore_in(form)] for form in ("zlib", "zstd", "flat"))):
        with open_dump(*files) as other:
            assert every_page(other) == pages, files
    assert identify(*parts).incomplete is False
    assert identify(*parts[1:]).incomplete is True


def told_of(out: Path, *arguments: str | Path) -> Json:
    done = vmtriage("analyze", *arguments, "--crash", crash_of(NEW), "-o", out)
    assert done.returncode == 0, done.stderr
    told: Json = json.loads((out / "report.json").read_text())
    return told


def test_live_the_parts_of_a_split_dump_are_analysed_as_one(tmp_path: Path) -> None:
    core = built("sysrq", "6.1", 1).vmcore_in("elf")
    parts = [tmp_path / f"part{number}" for number in range(3)]
    split(core, parts, 256)  # 64 pages
    told = told_of(tmp_path / "out", *parts)
    assert told["verdict"]["class"] == "sysrq"
    assert told["rung"]["name"] == "normal"
    assert told["dump"]["size"] == sum(part.stat().st_size for part in parts)


def shown_by_crash(vmlinux: Path, *files: Path) -> str:
    """What crash finds all over memory, and not which files it reads."""
    asked = "ps\n" + "".join(f"rd -p {pfn << 12:x} 2\n" for pfn in range(0, 1 << 17, 61)) + "q\n"
    done = subprocess.run(
        [crash_of(NEW), "-s", vmlinux, *files], input=asked.encode(), capture_output=True
    )
    return (done.stdout + done.stderr).decode("utf-8", "replace")


def test_live_parts_that_crash_reads_wrong_are_known_before_it_is_asked(tmp_path: Path) -> None:
    dump = built("sysrq", "6.1", 1)
    core = dump.vmcore_in("elf")
    true = shown_by_crash(dump.vmlinux, dump.vmcore)
    shown_wrong = []
    for block in (4, 100, 256):
        parts = [tmp_path / f"{block}-{number}" for number in range(4)]
        split(core, parts, block)
        shown = shown_by_crash(dump.vmlinux, *parts)
        if miscounted(*parts) is None:
            assert shown == true, block
        else:
            shown_wrong.append(shown != true)
    assert any(shown_wrong)  # a page that is read wrong may be one that nobody looked at


def test_live_parts_that_crash_would_read_wrong_are_read_for_their_log(tmp_path: Path) -> None:
    parts = misread_parts(tmp_path)
    told = told_of(tmp_path / "out", *parts)
    assert told["verdict"]["class"] == "sysrq"
    assert told["rung"]["name"] == "log"
    assert "parts_misread" in [each["kind"] for each in told["problems"]]
    joined = "makedumpfile --reassemble vmcore0 vmcore1 vmcore2 vmcore.whole"
    assert any(joined in step for step in told["verdict"]["next_steps"])
    makedumpfile("--reassemble", *parts, tmp_path / "vmcore.whole")
    assert told_of(tmp_path / "whole", tmp_path / "vmcore.whole")["rung"]["name"] == "normal"


def test_live_reordering_gives_what_makedumpfile_would_have_written(tmp_path: Path) -> None:
    dump = built("sysrq", "6.1", 1)
    reorder(dump.vmcore_in("flat"), tmp_path / "plain")
    assert (tmp_path / "plain").read_bytes() == dump.vmcore.read_bytes()


def test_live_tables_are_found_where_vmcoreinfo_hides_them() -> None:
    dump = built("sysrq", "6.12", 2)
    with open_dump(dump.vmcore) as memory:
        info = memory.info
        true = {name.removeprefix("kallsyms_"): address for name, address in info.symbols.items()
                if name.startswith("kallsyms_")}  # fmt: skip
        assert find_tables(memory) == true
