"""What a vmlinux has for a namelist: types, symbols, sections, the banner and HZ."""

import struct
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from vmtriage.errors import NoDebuginfo, NoInput
from vmtriage.namelist.hz import hz_of
from vmtriage.namelist.ingredients import (
    Ingredients,
    Section,
    Symbol,
    release_of,
    with_banner,
)
from vmtriage.source.debuginfo import build_id_of

if TYPE_CHECKING:
    from elftools.elf.elffile import ELFFile

_ALLOCATED, _CODE, _WRITABLE = 2, 4, 1
_NOBITS = "SHT_NOBITS"
_FILE, _OF_SECTION = 4, 3  # STT_FILE, STT_SECTION
_KEPT_SECTION = 0xFF00  # numbers from here on are no sections


def read_vmlinux(path: Path) -> Ingredients:
    """Raises NoDebuginfo where it is no vmlinux, has no BTF or no symbols."""
    try:
        with path.open("rb") as file:
            return read_image(file, str(path))
    except OSError as error:
        raise NoInput(
            f"cannot read {path}: {error.strerror}", next_step="check the path, and its permissions"
        ) from error


Finder = Callable[["Reader", tuple[Section, ...]], tuple[Symbol, ...]]


def read_image(file: BinaryIO, called: str, find: Finder | None = None) -> Ingredients:
    """The same of an open file. `find`: looks for symbols where it has no table of them."""
    from elftools.common.exceptions import ELFError
    from elftools.elf.elffile import ELFFile

    try:
        elf = ELFFile(file)
        return _read(elf, called, find)
    except (ELFError, ValueError, KeyError, struct.error, OverflowError, IndexError) as error:
        raise NoDebuginfo(
            f"{called} is not a vmlinux: {error or 'not an ELF file'}",
            next_step="give the vmlinux of the debuginfo package, the vmlinuz, or the dump",
        ) from error


def _read(elf: "ELFFile", called: str, find: Finder | None) -> Ingredients:
    order = "<" if elf.little_endian else ">"
    if elf.elfclass != 64:
        raise NoDebuginfo(
            f"{called} is of a 32-bit kernel", next_step="slim namelists are for 64-bit kernels"
        )
    every = list(elf.iter_sections())
    named = {each.name: each for each in every}
    if ".BTF" not in named:
        raise NoDebuginfo(
            f"{called} carries no BTF (built without CONFIG_DEBUG_INFO_BTF, or before Linux 5.2)",
            next_step="there can be no slim namelist of this kernel: give crash the vmlinux itself",
        )
    places = {n: each for n, each in enumerate(every) if each["sh_flags"] & _ALLOCATED}
    numbers = {n: place for place, n in enumerate(places)}
    sections = tuple(
        Section(each.name, each["sh_addr"], each["sh_size"], each["sh_flags"] & 7,
                each["sh_type"] == _NOBITS)
        for each in places.values()
    )  # fmt: skip
    reader = Reader(elf, order)
    symbols = _symbols(elf, order, numbers, sections)
    found = () if symbols or find is None else find(reader, sections)
    symbols = symbols or found
    if not symbols:
        raise NoDebuginfo(
            f"{called} has no symbols (it was stripped)",
            next_step="give the dump instead, or the vmlinux of the debuginfo package",
        )
    by_name = {each.name: each for each in reversed(symbols)}
    btf, banner = named[".BTF"].data(), reader.text(by_name.get(b"linux_banner"))
    symbols = with_banner(symbols, banner) if found else symbols
    return Ingredients(
        btf=btf,
        banner=banner,
        symbols=symbols,
        sections=sections,
        build_id=build_id_of(elf),
        release=release_of(banner),
        machine=elf.header["e_machine"] if isinstance(elf.header["e_machine"], int)
        else struct.unpack_from(order + "H", _head(elf), 18)[0],
        pointer=elf.elfclass // 8,
        hz=hz_of(btf, by_name, reader.read),
        sizes_known=not found,
    )  # fmt: skip


def _head(elf: "ELFFile") -> bytes:
    elf.stream.seek(0)
    return bytes(elf.stream.read(64))


def _symbols(elf: "ELFFile", order: str, numbers: Mapping[int, int],
             sections: tuple[Section, ...]) -> tuple[Symbol, ...]:  # fmt: skip
    table = elf.get_section_by_name(".symtab")
    if table is None:
        return ()
    strings = elf.get_section(table["sh_link"]).data()
    letters = [nm_letter(each) for each in sections]
    found, find = [], strings.find
    for name, info, _, section, address, size in struct.iter_unpack(order + "IBBHQQ", table.data()):
        kind = info & 15
        if kind == _FILE or section == 0 or not (name or kind == _OF_SECTION):
            continue
        if section >= _KEPT_SECTION:
            place, letter = None, "a"
        elif section in numbers:
            place = numbers[section]
            letter = letters[place]
        else:
            continue
        bind = info >> 4
        letter = (
            ("W" if letter == "t" else "V") if bind == 2 else letter.upper() if bind else letter
        )
        if kind == _OF_SECTION and place is not None:
            text = sections[place].name.encode()
        else:
            text = strings[name : find(b"\0", name)]
        found.append(Symbol(text, letter, address, size, place))
    return tuple(found)


def nm_letter(section: Section) -> str:
    """As nm would say of a symbol in it."""
    if section.flags & _CODE:
        return "t"
    if section.empty:
        return "b"
    return "d" if section.flags & _WRITABLE else "r"


class Reader:
    """Bytes of an ELF file by the address they are linked at."""

    def __init__(self, elf: "ELFFile", order: str) -> None:
        self.order = order
        self._stream = elf.stream
        self._parts = [
            (each["sh_addr"], each["sh_size"], each["sh_offset"])
            for each in elf.iter_sections()
            if each["sh_flags"] & _ALLOCATED and each["sh_type"] != _NOBITS and each["sh_addr"]
        ]

    def read(self, address: int, count: int) -> bytes:
        """b"" for an address outside of the file."""
        for start, size, offset in self._parts:
            if start <= address and address + count <= start + size:
                self._stream.seek(offset + address - start)
                return bytes(self._stream.read(count))
        return b""

    def text(self, symbol: Symbol | None) -> bytes:
        """The text at a symbol, without its NUL."""
        if symbol is None:
            return b""
        raw = self.read(symbol.address, symbol.size) if symbol.size else b""
        return (raw or self.read(symbol.address, 256)).partition(b"\0")[0]
