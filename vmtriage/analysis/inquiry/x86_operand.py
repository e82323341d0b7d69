"""Reads one x86 instruction in AT&T syntax: which memory it touches, and how.

Sources: gdb's and binutils' opcodes/i386-dis.c for the syntax; Intel SDM volume 2 for the access.
"""

import re

from vmtriage.analysis.inquiry.decoded import Decoded, number
from vmtriage.models.fault_site import AccessKind, MemoryOperand

_PREFIXES = frozenset(
    {"lock", "rep", "repz", "repnz", "repe", "repne", "data16", "addr32", "notrack", "bnd"}
    | {"xacquire", "xrelease", "cs", "ds", "es", "ss", "fs", "gs", "rex", "rex.W"}
)
_OPERAND = re.compile(
    r"(?P<jump>\*)?(?:%(?P<segment>[cdefgs]s):)?(?P<disp>-?(?:0x[0-9a-f]{1,16}|[0-9]{1,19}))?"
    r"(?:\((?:%(?P<base>[a-z0-9]{2,4}))?(?:,(?:%(?P<index>[a-z0-9]{2,4}))?(?:,(?P<scale>[1248]))?)?"
    r"\))?"
)
_TARGET = re.compile(r"#\s*0x(?P<target>[0-9a-f]{1,16})\b")
_BEHIND = re.compile(r"\s*(?:#.*|<[^>]*>|\[FTRACE NOP\])\s*$")
_NAMES = {
    **{low: f"{x}X" for x in "ABCD" for low in (f"{x}x".lower(), f"{x}l".lower(), f"{x}h".lower())},
    **{low: name.upper() for name in ("si", "di", "bp", "sp") for low in (name, f"{name}l")},
}
_ALU = "add sub and or xor adc sbb shl shr sal sar rol ror rcl rcr inc dec neg not"
_CHANGES = frozenset(f"{_ALU} xchg xadd cmpxchg bts btr btc shld shrd cmpxchg8b cmpxchg16b".split())
_LOOKS = frozenset(
    {"cmp", "test", "bt", "push", "mul", "imul", "div", "idiv", "call", "jmp"}
    | {"lods", "scas", "cmps", "ucomiss"}
)
_STORES = re.compile(r"v?mov|set[a-z]|stos|pop|movs|fst|fnst|stmxcsr|fxsave|xsave")
_NO_ACCESS = re.compile(r"lea[wlq]?|nop[wlq]?|prefetch.*|endbr(?:64|32)")
_WIDTHS = {"b": 1, "w": 2, "l": 4, "q": 8}
_BUG = frozenset({"ud2", "ud2a", "ud1", "ud0"})


def register(name: str) -> tuple[str, int]:
    """A register as crash calls it on 64 bits, and the bytes that are meant: eax -> RAX, 4."""
    if name in _NAMES:
        return "R" + _NAMES[name], 1 if name[-1] in "lh" else 2
    if found := re.fullmatch(r"(r[0-9]{1,2})([dwb]?)", name):
        number = found[1].upper()
        return number, {"": 8, "d": 4, "w": 2, "b": 1}[found[2]]
    return ("R" + name[1:].upper(), 4) if name.startswith("e") else (name.upper(), 8)


def read(text: str) -> Decoded:
    """The instruction; one that is not known has no access."""
    target = _TARGET.search(text)
    words = _BEHIND.sub("", text).split()
    while words and words[0] in _PREFIXES:
        words.pop(0)
    if not words:
        return Decoded("")
    mnemonic, operands = words[0], _split("".join(words[1:]))
    stem = mnemonic if mnemonic in _CHANGES | _LOOKS else mnemonic.rstrip("bwlq") or mnemonic
    if mnemonic[:-1] in _CHANGES | _LOOKS and mnemonic[-1] in _WIDTHS:
        stem = mnemonic[:-1]
    if mnemonic in _BUG:
        return Decoded(mnemonic, trap="bug")
    if _NO_ACCESS.fullmatch(mnemonic):
        return Decoded(mnemonic)
    memory = tuple(
        _memory(found, operand, target["target"] if target else None,
                _access(stem, mnemonic, at, operands), _size(mnemonic, stem, operands))
        for at, operand in enumerate(operands)
        if (found := _place(operand, mnemonic))
    )  # fmt: skip
    divides = stem in ("div", "idiv") and len(operands) == 1
    divisor = None
    if divides and re.fullmatch("%[a-z0-9]{2,5}", operands[0]):
        divisor = register(operands[0][1:])
    return Decoded(mnemonic, memory, "divide" if divides else None, divisor)


def _split(text: str) -> list[str]:
    """At the commas that stand outside of parentheses."""
    return re.findall(r"(?:[^,()]|\([^()]*\))+", text)


def _place(operand: str, mnemonic: str) -> re.Match[str] | None:
    found = _OPERAND.fullmatch(operand)
    if found is None or not (found["disp"] or "(" in operand):
        return None
    branch = mnemonic.startswith(("call", "j", "loop", "xbegin"))
    return None if branch and not found["jump"] else found


def _memory(
    found: re.Match[str], text: str, target: str | None, access: AccessKind | None, size: int | None
) -> MemoryOperand:
    base, index, segment = found["base"], found["index"], found["segment"]
    relative = base in ("rip", "eip")
    displacement = number(found["disp"])
    pointer = "RIP" if relative else register(base)[0] if base else None
    return MemoryOperand(
        text=text.removeprefix("*"), base=pointer,
        index=register(index)[0] if index and index not in ("riz", "eiz") else None,
        scale=int(found["scale"] or 1), displacement=displacement,
        segment="gs" if segment == "gs" else "fs" if segment == "fs" else None,
        target=target if relative else None, access=access, size=size,
    )  # fmt: skip


def _access(stem: str, mnemonic: str, at: int, operands: list[str]) -> AccessKind | None:
    if stem in _LOOKS:
        return "read"
    if at < len(operands) - 1:
        return "read"
    if stem in _CHANGES:
        return "read and write"
    return "write" if _STORES.match(mnemonic) else None


def _size(mnemonic: str, stem: str, operands: list[str]) -> int | None:
    if found := re.fullmatch(r"mov[sz]([bwl])[wlq]", mnemonic):
        return _WIDTHS[found[1]]
    if mnemonic.startswith("set"):
        return 1
    registers = [o[1:] for o in operands if re.fullmatch("%[a-z0-9]{2,5}", o)]
    if any(re.match(r"[xyz]mm|st|mm|k[0-7]|[cdefgs]s$|[cd]r", each) for each in registers):
        return {"movss": 4, "movsd": 8, "movq": 8, "movd": 4}.get(mnemonic)
    if stem != mnemonic and mnemonic[-1] in _WIDTHS:
        return _WIDTHS[mnemonic[-1]]
    if stem in ("call", "jmp", "push", "pop"):
        return 8
    if mnemonic in ("movss", "movsd") or not registers:
        return None
    return register(registers[-1])[1]
