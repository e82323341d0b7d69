"""The debug sections of a namelist: a unit with the kernel's types and variables, one that
tells HZ, one with the types of modules."""

import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from vmtriage.namelist.dwarf.abbreviations import Code, abbreviations
from vmtriage.namelist.dwarf.declared import Declarations
from vmtriage.namelist.dwarf.layout import Layout, lay_out
from vmtriage.namelist.dwarf.types import TypeWriter
from vmtriage.source.btf import Kind
from vmtriage.source.btf_modules import WithModules
from vmtriage.source.btf_table import TypeTable

_HEADER_BYTES = 11
_C99 = 12
_ADDRESS_OF = 3  # DW_OP_addr
_PRODUCER = b"vmtriage\0"
_SIGNED = 5


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable of the kernel: its possible types, the likeliest first, or its type's number."""

    name: str
    address: int
    size: int
    types: tuple[str, ...] = ()
    number: int | None = None


@dataclass(frozen=True, slots=True)
class Constant:
    """A constant told within the text of one function: crash asks for it there, for HZ."""

    name: str
    value: int
    low: int
    high: int


def debug_sections(
    types: WithModules, pointer: int, variables: Iterable[Variable], sizes_exact: bool,
    constant: Constant | None = None, sizes: Mapping[int, int] | None = None,
) -> dict[str, bytes]:  # fmt: skip
    """By name. `sizes`: of structures by type number, where they are to be told otherwise."""
    table, core = types.table, range(types.first)
    head = bytes((Code.UNIT,)) + _PRODUCER + bytes((_C99,)) + b"kernel\0"
    layout = lay_out(table, _HEADER_BYTES + len(head), core)
    written = TypeWriter(table, layout, pointer, sizes or {}).write(core)
    declared = Declarations(table, layout, pointer, layout.end, types.first)
    told = [_variable(declared, each, sizes_exact) for each in variables]
    body = head + written + bytes(declared.entries) + b"".join(told) + b"\0"
    units = [_unit(table.order, pointer, body)]
    if constant is not None:
        units.append(_unit(table.order, pointer, _constant(table, constant, pointer)))
    forms = [abbreviations()]
    if types.first < len(table):
        start = sum(map(len, units))
        units.append(_of_modules(types, pointer, layout, start, len(forms[0])))
        forms.append(abbreviations(across=True))
    return {
        ".debug_info": b"".join(units),
        ".debug_abbrev": b"".join(forms),
        ".debug_str": table.strings,
    }


def _of_modules(
    types: WithModules, pointer: int, before: Layout, start: int, forms: int
) -> bytes:  # fmt: skip
    """A unit of their own: gdb reads it when one of them is asked for, and not before."""
    table, rows = types.table, range(types.first, len(types.table))
    head = bytes((Code.UNIT,)) + _PRODUCER + bytes((_C99,)) + b"modules\0"
    layout = lay_out(table, start + _HEADER_BYTES + len(head), rows, before)
    body = head + TypeWriter(table, layout, pointer, {}).write(rows) + b"\0"
    return _unit(table.order, pointer, body, forms)


def _unit(order: str, pointer: int, body: bytes, forms: int = 0) -> bytes:
    """forms: where its table of abbreviations begins."""
    return struct.pack(order + "IHIB", len(body) + 7, 4, forms, pointer) + body


def _variable(declared: Declarations, variable: Variable, exact: bool) -> bytes:
    """The entry; b"" where none of the types fits this kernel."""
    if variable.number is not None:
        return _entry(declared, variable, declared.sized(variable.number).offset)
    for text in variable.types:
        made = declared.of(text, variable.size or None)
        if made is None or not made.offset:
            continue
        if made.size is not None and variable.size:
            loose = made.open_ended or not exact
            if made.size > variable.size or (made.size < variable.size and not loose):
                continue
        return _entry(declared, variable, made.offset)
    return b""


def _entry(declared: Declarations, variable: Variable, offset: int) -> bytes:
    order = declared.table.order
    address = variable.address.to_bytes(declared.pointer, "little" if order == "<" else "big")
    return b"%c%s\0%s%c%c%s" % (
        Code.VARIABLE, variable.name.encode(), struct.pack(order + "I", offset),
        declared.pointer + 1, _ADDRESS_OF, address,
    )  # fmt: skip


def _constant(table: TypeTable, constant: Constant, pointer: int) -> bytes:
    order = table.order
    byte_order: Literal["little", "big"] = "little" if order == "<" else "big"
    number = next(n for n, k in enumerate(table.kinds) if k == Kind.INT and table.name(n) == "int")
    head = bytes((Code.UNIT_OF_TEXT,)) + _PRODUCER + bytes((_C99,)) + b"hz\0"
    head += constant.low.to_bytes(pointer, byte_order)
    head += struct.pack(order + "Q", constant.high - constant.low)
    entry = struct.pack(order + "BIBB", Code.BASE, table.names[number], 4, _SIGNED)
    at = _HEADER_BYTES + len(head)
    name = constant.name.encode() + b"\0"
    told = struct.pack(order + "IQ", at, constant.value)
    return head + entry + bytes((Code.CONSTANT,)) + name + told + b"\0"
