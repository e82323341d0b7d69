"""Forms of all entries we write: .debug_abbrev. Numbers and names are DWARF 4's.

Every entry of one code has one size, so that offsets are known before a byte is written.
"""

from enum import IntEnum


class Code(IntEnum):
    """Which form an entry has; the first byte of it."""

    UNIT = 1
    UNIT_OF_TEXT = 2
    BASE = 3
    POINTER = 4
    POINTER_VOID = 5
    ARRAY = 6
    BOUND = 7
    BOUNDLESS = 8
    STRUCT = 9
    UNION = 10
    MEMBER = 11
    BITS = 12
    ENUM = 13
    ENUMERATOR = 14
    STRUCT_TOLD = 15
    UNION_TOLD = 16
    TYPEDEF = 17
    TYPEDEF_VOID = 18
    CONST = 19
    CONST_VOID = 20
    VOLATILE = 21
    VOLATILE_VOID = 22
    RESTRICT = 23
    RESTRICT_VOID = 24
    PROTO = 25
    PROTO_VOID = 26
    PARAMETER = 27
    UNSPECIFIED = 28
    VARIABLE = 29
    CONSTANT = 30
    ENUM_TOLD = 31


_ADDR, _DATA8, _DATA4, _DATA1, _STRING, _STRP, _REF4, _BLOCK, _FLAG = (
    0x01, 0x07, 0x06, 0x0B, 0x08, 0x0E, 0x13, 0x18, 0x19)  # fmt: skip

_REF_ADDR = 0x10

# attribute and form
_NAME, _INLINE_NAME, _TYPE = (0x03, _STRP), (0x03, _STRING), (0x49, _REF4)
_SIZE, _SIZE1, _ENCODING = (0x0B, _DATA4), (0x0B, _DATA1), (0x3E, _DATA1)
_PLACE, _BIT_SIZE, _BIT_PLACE = (0x38, _DATA4), (0x0D, _DATA1), (0x6B, _DATA4)
_COUNT, _VALUE, _TOLD, _PROTOTYPED = (0x37, _DATA4), (0x1C, _DATA8), (0x3C, _FLAG), (0x27, _FLAG)
_EXTERNAL, _LOCATION = (0x3F, _FLAG), (0x02, _BLOCK)
_LANGUAGE, _PRODUCER, _LOW, _HIGH = (0x13, _DATA1), (0x25, _STRING), (0x11, _ADDR), (0x12, _DATA8)

_FORMS: dict[Code, tuple[int, bool, tuple[tuple[int, int], ...]]] = {  # tag, children, attributes
    Code.UNIT: (0x11, True, (_PRODUCER, _LANGUAGE, _INLINE_NAME)),
    Code.UNIT_OF_TEXT: (0x11, True, (_PRODUCER, _LANGUAGE, _INLINE_NAME, _LOW, _HIGH)),
    Code.BASE: (0x24, False, (_NAME, _SIZE1, _ENCODING)),
    Code.POINTER: (0x0F, False, (_TYPE, _SIZE1)),
    Code.POINTER_VOID: (0x0F, False, (_SIZE1,)),
    Code.ARRAY: (0x01, True, (_TYPE,)),
    Code.BOUND: (0x21, False, (_COUNT,)),
    Code.BOUNDLESS: (0x21, False, ()),
    Code.STRUCT: (0x13, True, (_NAME, _SIZE)),
    Code.UNION: (0x17, True, (_NAME, _SIZE)),
    Code.MEMBER: (0x0D, False, (_NAME, _TYPE, _PLACE)),
    Code.BITS: (0x0D, False, (_NAME, _TYPE, _BIT_SIZE, _BIT_PLACE)),
    Code.ENUM: (0x04, True, (_NAME, _SIZE1)),
    Code.ENUMERATOR: (0x28, False, (_NAME, _VALUE)),
    Code.STRUCT_TOLD: (0x13, False, (_NAME, _TOLD)),
    Code.UNION_TOLD: (0x17, False, (_NAME, _TOLD)),
    Code.TYPEDEF: (0x16, False, (_NAME, _TYPE)),
    Code.TYPEDEF_VOID: (0x16, False, (_NAME,)),
    Code.CONST: (0x26, False, (_TYPE,)),
    Code.CONST_VOID: (0x26, False, ()),
    Code.VOLATILE: (0x35, False, (_TYPE,)),
    Code.VOLATILE_VOID: (0x35, False, ()),
    Code.RESTRICT: (0x37, False, (_TYPE,)),
    Code.RESTRICT_VOID: (0x37, False, ()),
    Code.PROTO: (0x15, True, (_PROTOTYPED, _TYPE)),
    Code.PROTO_VOID: (0x15, True, (_PROTOTYPED,)),
    Code.PARAMETER: (0x05, False, (_TYPE,)),
    Code.UNSPECIFIED: (0x18, False, ()),
    Code.VARIABLE: (0x34, False, (_INLINE_NAME, _TYPE, _EXTERNAL, _LOCATION)),
    Code.CONSTANT: (0x34, False, (_INLINE_NAME, _TYPE, _VALUE)),
    Code.ENUM_TOLD: (0x04, False, (_NAME, _SIZE1, _TOLD)),
}


def abbreviations(across: bool = False) -> bytes:
    """One table of .debug_abbrev. across: types may stand in another unit, and are told by their
    place in .debug_info, in as many bytes."""
    out = bytearray()
    for code, (tag, children, attributes) in _FORMS.items():
        out += bytes((code, tag, children))
        for attribute, form in attributes:
            out += bytes((attribute, _REF_ADDR if across and form == _REF4 else form))
        out += b"\0\0"
    return bytes(out + b"\0")
