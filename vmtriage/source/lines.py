"""The line of source an address belongs to, by the line table of a vmlinux: without crash.

Only what the one address needs is read: `.debug_aranges` names its unit, whose line program is run.
That takes 0.3 s, and a second and a half for the largest units (the scheduler's), where crash would
take ten to start. None where the vmlinux has no `.debug_aranges` (clang) or compressed debuginfo.
"""

import inspect
import io
from os.path import commonpath
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from elftools.dwarf.compileunit import CompileUnit
    from elftools.dwarf.dwarfinfo import DWARFInfo

_NEEDED = (".debug_info", ".debug_abbrev", ".debug_aranges", ".debug_line")
_RUN_THROUGH = (".debug_aranges", ".debug_line")  # byte by byte: memory is quicker


def line_of(vmlinux: Path, address: int) -> tuple[str, int] | None:
    """File, from the top of the kernel's tree where that can be told, and line.

    address: as the vmlinux has it, without KASLR. None: not known, or the file is damaged.
    """
    try:
        with vmlinux.open("rb") as file:
            debug = _debug_of(file)
            aranges = debug.get_aranges() if debug else None
            at = aranges.cu_offset_at_addr(address) if aranges else None
            return _line(debug, at, address) if debug and at is not None else None
    except Exception:  # pyelftools believes what it reads: a damaged file makes it raise anything
        return None


class _Section(io.RawIOBase):
    """A section as a file of its own: a gigabyte of debuginfo is not to be read for one line."""

    def __init__(self, file: IO[bytes], start: int, size: int) -> None:
        self._file, self._start, self._size, self._at = file, start, size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0, /) -> int:
        self._at = max(0, offset + (0, self._at, self._size)[whence])
        return self._at

    def readinto(self, buffer: Any, /) -> int:
        count = max(0, min(len(buffer), self._size - self._at))
        self._file.seek(self._start + self._at)
        content = self._file.read(count)
        buffer[: len(content)] = content
        self._at += len(content)
        return len(content)


def _debug_of(file: IO[bytes]) -> "DWARFInfo | None":
    from elftools.dwarf.dwarfinfo import DebugSectionDescriptor, DwarfConfig, DWARFInfo
    from elftools.elf.elffile import ELFFile

    elf = ELFFile(file)
    found = {
        each.name: DebugSectionDescriptor(
            stream=_stream(file, each),
            name=each.name, global_offset=each["sh_offset"], size=each["sh_size"],
            address=each["sh_addr"],
        )
        for each in elf.iter_sections()
        if each.name.startswith(".debug_") and not each.compressed
    }  # fmt: skip
    if not all(name in found for name in _NEEDED):
        return None
    config = DwarfConfig(elf.little_endian, elf.get_machine_arch(), elf.elfclass // 8)
    names = [name for name in inspect.signature(DWARFInfo).parameters if name.endswith("_sec")]
    return DWARFInfo(config, **{n: found.get(f".{n.removesuffix('_sec')}") for n in names})


def _stream(file: IO[bytes], section: Any) -> IO[bytes]:
    if section.name in _RUN_THROUGH:
        return io.BytesIO(section.data())
    return io.BufferedReader(_Section(file, section["sh_offset"], section["sh_size"]))


def _line(debug: "DWARFInfo", at: int, address: int) -> tuple[str, int] | None:
    unit = debug.get_CU_at(at)
    program = debug.line_program_for_CU(unit)
    if program is None:
        return None
    before = None
    for entry in program.get_entries():
        state = entry.state
        if state is None:
            continue
        if before is not None and before.address <= address < state.address:
            return _name(unit, program, before.file), before.line
        before = None if state.end_sequence else state
    return None


def _name(unit: "CompileUnit", program: Any, number: int) -> str:
    """As the line table calls the file, without the directory the kernel was built in."""
    five = program["version"] >= 5
    entry = program["file_entry"][number - (not five)]
    folders = program["include_directory"]
    home = _text(unit.get_top_DIE().attributes["DW_AT_comp_dir"].value)
    if not five and entry.dir_index == 0:
        folder = home
    else:
        folder = _text(folders[entry.dir_index - (not five)])
    path = f"{folder}/{_text(entry.name)}"
    if path.startswith("/"):
        path = path.removeprefix(commonpath([home, path])).lstrip("/")
    return path


def _text(raw: bytes | str) -> str:
    return raw if isinstance(raw, str) else raw.decode("utf-8", "backslashreplace")
