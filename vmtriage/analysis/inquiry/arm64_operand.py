"""Reads one arm64 instruction: which memory it touches, and how.

Sources: binutils' opcodes/aarch64-opc.c for the syntax, the Arm ARM (DDI 0487) for the access.
"""

import re

from vmtriage.analysis.inquiry.decoded import Decoded, number
from vmtriage.models.fault_site import AccessKind, MemoryOperand

_NUMBER = r"-?(?:0x[0-9a-f]{1,16}|[0-9]{1,19})"
_PLACE = re.compile(
    rf"\[(?P<base>x[0-9]{{1,2}}|sp)(?:, ?#(?P<disp>{_NUMBER})|, ?(?P<index>[xw][0-9]{{1,2}}|[xw]zr)"
    r"(?:, ?(?P<extend>lsl|[su]xt[wx])(?: ?#(?P<shift>[0-9]))?)?)?\]!?"
)
_REGISTER = re.compile(r"[wxbhsdqv][0-9]{1,2}|[wx]zr|sp")
_CHANGES = re.compile(r"(?:ld|st)(?:add|clr|eor|set|[su]max|[su]min)|cas|swp")
_WIDTHS = {"w": 4, "x": 8, "s": 4, "d": 8, "q": 16, "h": 2, "b": 1}


def read(text: str) -> Decoded:
    """The instruction; one that is not known has no access."""
    mnemonic, _, rest = text.partition("//")[0].strip().partition(" ")
    if mnemonic == "brk":
        return Decoded(mnemonic, trap="bug")
    found = _PLACE.search(rest)
    access = _access(mnemonic)
    if found is None or access is None:
        return Decoded(mnemonic)
    index, extend = found["index"], found["extend"]
    operand = MemoryOperand(
        text=found[0], base=_name(found["base"]),
        index=_name(index) if index and not index.endswith("zr") else None,
        scale=1 << int(found["shift"] or 0), displacement=number(found["disp"]),
        extend="sxtw" if extend == "sxtw" else "uxtw" if index and index[0] == "w" else None,
        access=access, size=_size(mnemonic, rest[: found.start()]),
    )  # fmt: skip
    return Decoded(mnemonic, (operand,))


def _name(register: str) -> str:
    return {"x30": "LR", "sp": "SP"}.get(register, "X" + register[1:])


def _access(mnemonic: str) -> AccessKind | None:
    if _CHANGES.match(mnemonic):
        return "read and write"
    if mnemonic.startswith(("ldr", "ldu", "ldp", "ldn", "lda", "ldx", "ldtr", "ld1", "ldlar")):
        return "read"
    if mnemonic.startswith(("str", "stu", "stp", "stn", "stl", "stx", "sttr", "st1")):
        return "write"
    return None


def _size(mnemonic: str, before: str) -> int | None:
    registers = _REGISTER.findall(before)
    if re.match(r"(?:ld|st)1", mnemonic) or not registers:
        return None
    if re.match(r"ldp?sw|ldrsw|ldursw", mnemonic):
        return 8 if mnemonic.startswith("ldp") else 4
    pair = bool(re.match(r"(?:ld|st)(?:n?p|x?p|[al]xp)", mnemonic))
    if mnemonic[-1] in "bh" and not pair:
        return 1 if mnemonic[-1] == "b" else 2
    width = _WIDTHS.get(registers[-1][0])
    return None if width is None else width * 2 if pair else width
