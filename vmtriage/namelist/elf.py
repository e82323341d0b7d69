"""Writes the file: an ELF executable with the kernel's sections, but without their bytes.

gdb and crash look at a section's name, address and flags; what is in it they read from the dump.
So all sections share one hole in a sparse file, and only the banner's text stands in it, first,
where `strings` finds it soon: crash compares it with the dump's.
"""

import struct
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import BinaryIO

from vmtriage.namelist.ingredients import Ingredients, Symbol

_PROGBITS, _SYMTAB, _STRTAB, _NOBITS = 1, 2, 3, 8
_ABSOLUTE = 0xFFF1
_FUNCTION, _OBJECT = 2, 1
_STRINGS = 0x30  # SHF_MERGE | SHF_STRINGS
_HEADER_BYTES, _SECTION_BYTES, _SYMBOL_BYTES = 64, 64, 24
_HOLE_AT = 4096


def write(path: Path, of: Ingredients, symbols: Sequence[Symbol],
          debug: Mapping[str, bytes]) -> None:  # fmt: skip
    """An ELF64 file. OSError where it cannot be written."""
    order = "<" if of.btf[:1] == b"\x9f" else ">"
    entries, strings, local = _symbols(order, symbols)
    numbers = len(of.sections) + 1
    contents = [(".symtab", _SYMTAB, 0, entries, numbers + 1, local, _SYMBOL_BYTES),
                (".strtab", _STRTAB, 0, strings, 0, 0, 0)]  # fmt: skip
    for name, data in debug.items():
        flags, width = (_STRINGS, 1) if name == ".debug_str" else (0, 0)
        contents.append((name, _PROGBITS, flags, data, 0, 0, width))
    names = _names([*(each.name for each in of.sections), *(c[0] for c in contents), ".shstrtab"])
    contents.append((".shstrtab", _STRTAB, 0, names[0], 0, 0, 0))
    hole = max((each.size for each in of.sections if not each.empty), default=0)
    header = struct.Struct(order + "IIQQQQIIQQ")
    table, name_at = [bytes(_SECTION_BYTES)], iter(names[1])
    for each in of.sections:
        kind = _NOBITS if each.empty else _PROGBITS
        table.append(header.pack(next(name_at), kind, each.flags, each.address, _HOLE_AT,
                                 each.size, 0, 0, 1, 0))  # fmt: skip
    with path.open("wb") as file:
        _banner(file, of)
        at = _HOLE_AT + hole
        for _, kind, flags, data, link, info, width in contents:
            at = -at % 16 + at
            file.seek(at)
            file.write(data)
            table.append(header.pack(next(name_at), kind, flags, 0, at, len(data), link, info,
                                     8 if kind == _SYMTAB else 1, width))  # fmt: skip
            at += len(data)
        at = -at % 16 + at
        file.seek(at)
        file.write(b"".join(table))
        file.seek(0)
        file.write(_file_header(order, of.machine, at, len(table)))


def _file_header(order: str, machine: int, sections_at: int, sections: int) -> bytes:
    ident = b"\x7fELF" + bytes((2, 1 if order == "<" else 2, 1)) + bytes(9)
    rest = struct.pack(order + "HHIQQQIHHHHHH", 2, machine, 1, 0, 0, sections_at, 0,
                       _HEADER_BYTES, 56, 0, _SECTION_BYTES, sections, sections - 1)  # fmt: skip
    return ident + rest


def _banner(file: BinaryIO, of: Ingredients) -> None:
    banner = next((each for each in of.symbols if each.name == b"linux_banner"), None)
    section = None if banner is None or banner.section is None else of.sections[banner.section]
    inside = 0 if banner is None or section is None else banner.address - section.address
    file.seek(_HOLE_AT + inside)
    file.write(of.banner + b"\0")


def _symbols(order: str, symbols: Sequence[Symbol]) -> tuple[bytes, bytes, int]:
    """The table, its names, and how many of the first are local."""
    pack = struct.Struct(order + "IBBHQQ").pack
    locals_, globals_ = [bytes(_SYMBOL_BYTES)], []
    names, at = [b"\0"], 1
    for name, kind, address, size, section in symbols:
        form = _FUNCTION if kind in "tTwW" else _OBJECT
        index = _ABSOLUTE if section is None else section + 1
        names.append(name + b"\0")
        if kind.isupper():
            bind = 0x20 if kind in "WV" else 0x10
            globals_.append(pack(at, bind | form, 0, index, address, size))
        else:
            locals_.append(pack(at, form, 0, index, address, size))
        at += len(name) + 1
    return b"".join(locals_ + globals_), b"".join(names), len(locals_)


def _names(names: Sequence[str]) -> tuple[bytes, list[int]]:
    text, places = bytearray(b"\0"), []
    for each in names:
        places.append(len(text))
        text += each.encode() + b"\0"
    return bytes(text), places
