"""An oops beyond its call trace: the address, the access, and what the registers' values tell.

Sources: arch/x86/mm/fault.c and arch/x86/kernel/{traps,dumpstack}.c, arch/arm64/mm/fault.c,
arch/arm/mm/fault.c, arch/powerpc/mm/fault.c, arch/s390/mm/fault.c, arch/riscv/mm/fault.c,
lib/dump_stack.c (release, hardware); wordings of 2.6.32 to 6.17.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

from vmtriage.analysis.klog import poison
from vmtriage.models.details import FaultReport, Poison
from vmtriage.parsers.klog_line import Line

Access = Literal["read", "write", "execute"]
Mode = Literal["user", "supervisor"]

_LONGEST = 2048  # characters of a line that are looked at
_LINES = 200  # of a report: registers stand near its begin
_POISONS = 16
_HEX = r"[0-9a-f]{1,16}"
# The first that fits any line gives the address; CR2 and its like are said after the text.
_ADDRESSES = tuple(
    re.compile(pattern)
    for pattern in (
        r"(?:NULL pointer dereference|paging request|page fault|kernel \w+|access|data) ?"
        r"(?:on (?:read|write|exec\w*) )?(?:at|for|, )+ ?(?:virtual |data at )?"
        r"(?:address:? ?)?(?:0x)?(?P<address>[0-9a-f]{8,16})\b",
        rf"probably for non-canonical address 0x(?P<address>{_HEX}):",
        rf"[Uu]nable to handle .*?address:? (?:0x)?(?P<address>{_HEX})\b",
        rf"^Unhandled fault: .* at (?:0x)?(?P<address>{_HEX})\b",
        rf"^Failing address: (?P<address>{_HEX})",
        rf"^DAR: (?P<address>{_HEX})\b|^\s*(?:CFAR: {_HEX} )?DAR: (?P<address2>{_HEX})",
        rf"\bbadaddr: (?P<address>{_HEX})",
        rf"^BadVA\s*: (?P<address>{_HEX})",
        rf"^(?:CR2|RIP.*CR2): (?P<address>{_HEX})",
    )
)
_IN_MESSAGE = 4  # of those forms: the rest are registers, stale where there was no such fault
_IS_FAULT = re.compile(
    r"nable to handle|NULL pointer|page fault for|paging request|tried to execute|^Failing address"
    r"|access of bad area"
)
_PF_TEXT = re.compile(
    r"^#PF: (?P<mode>user|supervisor)(?:-privileged)? (?P<access>read access|write access|"
    r"instruction fetch)"
)
_PF_CODE = re.compile(rf"^#PF: error_code\(0x(?P<code>{_HEX})\) - (?P<reason>.{{1,80}}?)\s*$")
_X86_FAULT = re.compile(r"unable to handle|NULL pointer dereference|page fault for address")
_X86_CODE = re.compile(r"^(?:Oops: )+(?P<code>[0-9a-f]{4})\b")
_ARM_CODE = re.compile(
    rf"^Internal error: [\w :-]{{1,60}}: (?:0x)?(?P<code>{_HEX}) \[#"
    rf"|^Unhandled fault: [^(]{{1,60}}\(0x(?P<code2>{_HEX})\) at "
)
_ESR = re.compile(rf"^\s*ESR = 0x(?P<code>{_HEX})")
_S390_CODE = re.compile(rf"TEID: (?P<code>{_HEX})")
_PPC_CODE = re.compile(rf"\bDSISR: (?P<code>{_HEX})")
_RISCV_CODE = re.compile(rf"\bcause: (?P<code>{_HEX})")
_SAID = re.compile(
    r"dereference on (?P<access>read|write)|tried to (?P<access2>execute)|"
    r"attempted to (?P<access3>read|write|execute) user page|"
    r"[Uu]nable to handle kernel (?P<access4>read|write|execute) (?:from|to|at)|"
    r"paging request for (?P<access5>instruction fetch)"
)
_TAINT = re.compile(
    r"(?:Not tainted|Tainted: (?P<taint>[A-Z][A-Z -]{0,80}?))[- T]{0,40}"
    r"(?P<release>(?<= )[0-9]{1,3}\.[0-9]\S*)"
)
_HARDWARE = re.compile(r"^Hardware name: (?P<name>\S.*?)\s*$")
_OLD_HARDWARE = re.compile(r"^Pid: [0-9]+, comm: .* #[0-9]\S* (?P<name>\S.*?)\s*$")
_CODE = re.compile(r"^\s*(?:Krnl )?Code: (?P<code>\S.*?)\s*$")
_USER = re.compile(r"^\s*(?:RIP: 0033:|EIP: 0(?:073|023):)")
_REGISTERS = re.compile(
    r"\b(?P<name>[RE](?:[ABCD]X|[SD]I|BP|SP)|R(?:0[89]|1[0-5])|[xr][0-9]{1,2}|sp|fp|[ast][0-9]{1,2})"
    r" ?: (?P<value>[0-9a-f]{8}(?:[0-9a-f]{8})?)\b"
)
_ROW = re.compile(r"^GPR(?P<first>[0-9]{2}): (?P<values>(?:[0-9a-f]{8,16} ?){1,8})\s*$")


def read(lines: Sequence[Line]) -> FaultReport | None:
    """What the oops says of the fault; None if it says nothing of it."""
    texts = [line.text[:_LONGEST] for line in lines[:_LINES]]
    address = _address(texts)
    code = _error_code(texts)
    access, mode, reason = _access(texts, code)
    release = next((m for text in texts if (m := _TAINT.search(text))), None)
    report = FaultReport(
        address=address,
        access=access,
        mode=mode,
        error_code=code.text if code else None,
        reason=reason,
        poisons=tuple(_poisons(texts, address)),
        code=_first(_CODE, texts, "code"),
        taint=None if release is None else re.sub(r"[^A-Z]", "", release["taint"] or ""),
        release=None if release is None else release["release"],
        hardware=_first(_HARDWARE, texts, "name") or _first(_OLD_HARDWARE, texts, "name"),
    )
    return report if any(value not in (None, ()) for _, value in report) else None


def _first(form: re.Pattern[str], texts: Sequence[str], group: str) -> str | None:
    return next((found[group] for text in texts if (found := form.match(text))), None)


def _address(texts: Sequence[str]) -> str | None:
    """From the message, else from a register."""
    fault = any(_IS_FAULT.search(text) for text in texts)
    for form in _ADDRESSES if fault else _ADDRESSES[:_IN_MESSAGE]:
        for text in texts:
            if found := form.search(text):
                return next(each for each in found.groups() if each)
    return None


class _Code(NamedTuple):
    """An error code. kind: the architecture whose bits it has."""

    kind: str
    text: str


def _error_code(texts: Sequence[str]) -> _Code | None:
    fault = any(_X86_FAULT.search(text) for text in texts)
    for text in texts:
        if found := _PF_CODE.match(text):
            return _Code("x86", found["code"])
        if found := _ESR.match(text):
            return _Code("arm64", found["code"])
        for kind, form in (("s390", _S390_CODE), ("ppc", _PPC_CODE), ("riscv", _RISCV_CODE)):
            if found := form.search(text):
                return _Code(kind, found["code"])
        if found := _X86_CODE.match(text):
            # a general protection fault's code is a selector's: not an access's
            return _Code("x86" if fault else "trap", found["code"])
        if found := _ARM_CODE.match(text):
            digits = found["code"] or found["code2"]
            # ESR_ELx of arm64 always has its class in bits 31 to 26; 32-bit FSRs are small
            return _Code("arm64" if int(digits, 16) & 0x7E000000 else "arm", digits)
    return None


def _access(
    texts: Sequence[str], code: _Code | None
) -> tuple[Access | None, Mode | None, str | None]:
    """In words if the kernel used any, else from the bits of the error code."""
    for text in texts:
        if found := _PF_TEXT.match(text):
            said = found["access"].removesuffix(" access")
            reason = _first(_PF_CODE, texts, "reason")
            return _word(said), "user" if found["mode"] == "user" else "supervisor", reason
    access, mode, reason = _bits(code)
    for text in texts[:20]:
        if found := _SAID.search(text):
            return _word(next(each for each in found.groups() if each)), mode, reason
    return access, mode, reason


def _word(said: str) -> Access:
    return "read" if said == "read" else "write" if said == "write" else "execute"


def _bits(code: _Code | None) -> tuple[Access | None, Mode | None, str | None]:
    if code is None:
        return None, None, None
    bits = int(code.text, 16)
    if code.kind == "x86":  # arch/x86/include/asm/trap_pf.h
        access: Access = "execute" if bits & 16 else "write" if bits & 2 else "read"
        reason = "reserved bit violation" if bits & 8 else "permissions violation"
        mode: Mode = "user" if bits & 4 else "supervisor"
        return access, mode, reason if bits & 1 else "not-present page"
    if code.kind == "arm64":  # arch/arm64/include/asm/esr.h: EC 0x21, 0x25; WnR
        kind = bits >> 26 & 0x3F
        if kind == 0x21:
            return "execute", "supervisor", None
        return ("write" if bits & 64 else "read", "supervisor", None) if kind == 0x25 else _NOTHING
    if code.kind == "arm":  # arch/arm/mm/fault.h: FSR_LNX_PF; FSR_WRITE is 0 before ARMv6
        return ("execute" if bits >> 31 else "write" if bits & 0x800 else None), None, None
    if code.kind == "ppc":  # arch/powerpc/include/asm/reg.h: DSISR_ISSTORE, set for stores only
        return ("write" if bits & 0x02000000 else None), None, None
    if code.kind == "riscv":  # arch/riscv/include/asm/csr.h: EXC_*_PAGE_FAULT
        causes: dict[int, Access] = {12: "execute", 13: "read", 15: "write"}
        return causes.get(bits), None, None
    return _NOTHING


_NOTHING: tuple[None, None, None] = (None, None, None)


def _poisons(texts: Sequence[str], address: str | None) -> Iterator[Poison]:
    """The address' own sense, then registers that hold poison or an error number."""
    bits = 64
    registers = dict(_registers(texts))
    if registers and all(len(value) == 8 for value in registers.values()):
        bits = 32
    if address and (sense := poison.pointer(int(address, 16), bits)):
        yield _poison("address", address, sense)
    for name, value in list(registers.items()):
        number = int(value, 16)
        minus_one = number == (1 << bits) - 1  # too common to mean anything
        found = poison.poison(number, bits) or (None if minus_one else _errno(number, bits))
        if found:
            yield _poison(name, value, found)


def _errno(number: int, bits: int) -> poison.Sense | None:
    sense = poison.error(number, bits)
    return sense if sense and sense.name else None


def _poison(where: str, value: str, sense: poison.Sense) -> Poison:
    return Poison(
        where=where, value=value, name=sense.name, offset=sense.offset, meaning=sense.meaning
    )


def _registers(texts: Sequence[str]) -> Iterator[tuple[str, str]]:
    """The first register dump: a name that comes again belongs to another one."""
    seen: set[str] = set()
    for text in texts:
        if _USER.match(text):
            return
        if row := _ROW.match(text):
            values = row["values"].split()
            names = (f"GPR{int(row['first']) + i:02}" for i in range(len(values)))
            pairs = list(zip(names, values, strict=False))
        else:
            pairs = [(m["name"], m["value"]) for m in _REGISTERS.finditer(text)]
        if any(name in seen for name, _ in pairs):
            return
        seen.update(name for name, _ in pairs)
        yield from pairs
