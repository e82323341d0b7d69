"""Lines of source, of a program whose lines are known; and what a reader is told of them."""

import random
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection

from tests.vmlinux import vmlinux as vmlinux_file
from vmtriage.analysis.function import address_of
from vmtriage.models.backtrace import Backtrace, ExceptionFrame, Frame
from vmtriage.models.finding import GuiltyFunction
from vmtriage.pipeline.lines import Looked, Told
from vmtriage.source.lines import line_of

PROGRAM = """\
int twice(int number)
{
    return number + number;
}

int main(void)
{
    return twice(2);
}
"""
Compiled = Callable[[int], Path]


@pytest.fixture
def compiled(tmp_path: Path) -> Compiled:
    """That program with debuginfo in a version of DWARF."""
    if shutil.which("cc") is None:
        pytest.skip("no C compiler here")

    def compile(version: int) -> Path:
        home = tmp_path / "linux" / "kernel"
        home.mkdir(parents=True, exist_ok=True)
        (home / "twice.c").write_text(PROGRAM)
        out = tmp_path / f"program-{version}"
        words = ["cc", "-O0", "-g", f"-gdwarf-{version}", "kernel/twice.c", "-o", str(out)]
        subprocess.run(words, check=True, cwd=tmp_path / "linux")
        return out

    return compile


def address(program: Path, name: str) -> int:
    with program.open("rb") as file:
        symbols = ELFFile(file).get_section_by_name(".symtab")
        assert isinstance(symbols, SymbolTableSection)
        found = symbols.get_symbol_by_name(name)
        assert found
        return int(found[0]["st_value"])


@pytest.mark.parametrize("version", [4, 5])
def test_the_line_of_an_instruction_is_found(compiled: Compiled, version: int) -> None:
    program = compiled(version)
    assert line_of(program, address(program, "twice")) == ("kernel/twice.c", 2)
    assert line_of(program, address(program, "main")) == ("kernel/twice.c", 7)
    assert line_of(program, address(program, "twice") + (1 << 40)) is None


def test_a_damaged_table_is_no_line_and_no_error(compiled: Compiled, tmp_path: Path) -> None:
    program = compiled(5)
    where, whole = address(program, "twice"), program.read_bytes()
    with program.open("rb") as file:
        debug = [
            (each["sh_offset"], each["sh_size"])
            for each in ELFFile(file).iter_sections()
            if each.name.startswith(".debug_")
        ]
    chance, damaged = random.Random(1), tmp_path / "damaged"
    told = set()
    for _ in range(300):
        content = bytearray(whole)
        for _ in range(chance.randrange(1, 6)):
            start, size = chance.choice(debug)
            content[start + chance.randrange(size)] = chance.randrange(256)
        damaged.write_bytes(content)
        told.add(line_of(damaged, where))
    assert ("kernel/twice.c", 2) in told
    assert None in told


def test_a_vmlinux_without_debuginfo_tells_no_line(tmp_path: Path) -> None:
    path = tmp_path / "vmlinux"
    path.write_bytes(vmlinux_file(build_id=None))
    assert line_of(path, 0xFFFFFFFF81000000) is None
    assert line_of(tmp_path / "nowhere", 0) is None


def test_kaslr_is_taken_off_and_what_was_told_can_be_recorded(compiled: Compiled) -> None:
    program = compiled(5)
    where = address(program, "twice") + 0x1A000000
    live = Looked(lambda: program, 0x1A000000)
    line = live.of(where)
    assert line is not None
    assert (line.file, line.line, line.vmlinux) == ("kernel/twice.c", 2, str(program))
    assert Told(live.told).of(where) == line
    assert Looked(lambda: program, None).of(where) is None


def test_the_instruction_is_the_interrupted_one_or_the_call() -> None:
    frames = (
        Frame(level=0, function="panic", address="f000", line=2),
        Frame(level=1, function="stopped", address="f100", line=3),
        Frame(level=2, function="caller.isra.0", address="f200", line=4),
        Frame(level=3, function="foreign", address="f300", module="driver", line=5),
    )
    block = ExceptionFrame(function="stopped", rip="f100", after_level=0, line=6)
    stack = Backtrace(pid=1, comm="x", cpu=0, task="ff", frames=frames, exceptions=(block,))

    def at(name: str, module: str | None = None) -> int | None:
        return address_of(GuiltyFunction(name=name, module=module), stack)

    assert at("stopped") == 0xF100
    assert at("caller") == 0xF1FF
    assert at("foreign") is None  # another function of the same name
    assert at("foreign", "driver") == 0xF2FF
    assert at("nowhere") is None
