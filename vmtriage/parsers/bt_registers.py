"""Register blocks of `bt`: x86, arm, arm64, ppc64, riscv64, mips64, loongarch64; s390x apart.

Sample (the block belongs to the frame above it):
    [exception RIP: lab_write+649]
    RIP: ffffffffc04905d9  RSP: ffffd0c9c0013bd0  RFLAGS: 00000246
    ...
    ORIG_RAX: ffffffffffffffff  CS: 0010  SS: 0018
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from vmtriage.models.backtrace import ExceptionFrame
from vmtriage.parsers.bt_frames import split_offset

_X86 = """RIP RSP RFLAGS RAX RBX RCX RDX RSI RDI RBP ORIG_RAX CS SS DS ES FS GS ERR
EIP ESP EFLAGS EAX EBX ECX EDX ESI EDI EBP ORIG_EAX"""
_ARM = "PC LR SP PSTATE ORIG_X0 SYSCALLNO pc lr psr sp ip fp ORIG_r0"
_PPC = "NIP MSR OR3 CTR XER CCR MQ DAR DSISR RESULT SOFTE TRAP"
_RISC = """epc ra gp tp status badaddr cause orig_a0 Status Cause BadVA PrId hi lo EPC
era ERA badv BADV crmd CRMD prmd PRMD euen EUEN ecfg ECFG estat ESTAT"""
_NAMES = frozenset(f"{_X86} {_ARM} {_PPC} {_RISC}".split()) | {
    f"{letter}{n}" for letter in "RXrastv" for n in range(32)
}
_CODE = ("RIP", "EIP", "PC", "pc", "NIP", "epc", "EPC", "era", "ERA", "PSW")

_VALUE = re.compile(
    r"\s*(Syscall Result|[A-Za-z_]\w{0,9})\s*:\s*(?:\[<|0x)?([0-9a-f]{1,16})(?![0-9a-z])>?\]?"
    r"(?:\s+\[([^][]*(?:\[[^][]*\])?)\])?"
)
_MIPS_ROW = re.compile(r"\s*\$\s?([0-9]{1,2})\s*:((?:\s+[0-9a-f]{8,16}){1,4})\s*")
_HEADING = re.compile(r"\s*\[exception [A-Z]{2,4}: (.*)\]\s*", re.DOTALL)
_EFRAME_TITLE = re.compile(r"\s*(KERNEL|USER)-MODE EXCEPTION FRAME AT:?\s+[0-9a-f]{1,16}:?\s*")
_PPC_TITLE = re.compile(r"\s*(\S.*\[[0-9a-f]{1,4}\]) exception frame:\s*")
_PPC_SYMBOL = re.compile(r"\s*\[(NIP|LR)\s*: (.*)\]\s*")
_ARM_FLAGS = re.compile(r"\s*Flags: \S+\s.*Mode \S+.*")
_MODULE = re.compile(r"(.*) \[([^][]+)\]", re.DOTALL)
_NO_SYMBOL = ("unknown or invalid address", "no symbolic reference", "user space")


@dataclass
class Block:
    """A register block as it grows, line by line."""

    line: int
    after_level: int | None
    text: str = ""
    symbol: str | None = None
    kind: str | None = None
    heading: bool = False  # [exception RIP: ...] stood above: kernel mode
    user_mode: bool | None = None  # None: to be seen from the registers
    bogus: bool = False
    registers: dict[str, str] = field(default_factory=dict)

    def done(self) -> ExceptionFrame:
        """The finished model."""
        symbol, module = self.symbol, None
        if symbol and (inside := _MODULE.fullmatch(symbol)):
            symbol, module = inside[1], inside[2]
        function, offset = split_offset(symbol) if symbol else (None, None)
        code = next((self.registers[name] for name in _CODE if name in self.registers), None)
        return ExceptionFrame(
            function=function,
            offset=offset,
            module=module,
            rip=code,
            text=self.text,
            registers=self.registers,
            user_mode=self._in_user_mode(),
            bogus=self.bogus,
            kind=self.kind,
            after_level=self.after_level,
            line=self.line,
        )

    def _in_user_mode(self) -> bool:
        if self.user_mode is not None:
            return self.user_mode
        if self.heading:
            return self.text == "user space"
        said = _mode_bits(self.registers)
        if said is None:  # cut before the mode bits: on x86_64 only a user block has no heading
            return "RIP" in self.registers and self.after_level is not None
        return said


def _mode_bits(registers: Mapping[str, str]) -> bool | None:
    """Whether the processor was in user mode; None: the register that tells is not there."""
    tests = (  # register, mask, value of these bits in user mode
        ("CS", 3, 3),
        ("PSTATE", 0xF, 0),
        ("MSR", 0x4000, 0x4000),
        ("psr", 0x1F, 0x10),
        ("status", 0x100, 0),
        ("Status", 0x18, 0x10),
        ("PRMD", 3, 3),
        ("prmd", 3, 3),
    )
    for name, mask, user in tests:
        if name in registers:
            return int(registers[name], 16) & mask == user
    return None


def heading_of(text: str, number: int, after_level: int | None) -> Block | None:
    """A block that starts with a heading: [exception RIP: ...], ppc64 title, `bt -e` title."""
    if found := _HEADING.fullmatch(text):
        said = found[1].strip()
        symbol = said if said and said not in _NO_SYMBOL else None
        return Block(number, after_level, text=said, symbol=symbol, heading=True)
    if found := _PPC_TITLE.fullmatch(text):
        return Block(number, after_level, kind=found[1])
    if found := _EFRAME_TITLE.fullmatch(text):
        return Block(number, after_level, user_mode=found[1] == "USER")
    return None


def is_detail(text: str, block: Block) -> bool:
    """A line that adds to a block but holds no register: ppc64 [NIP : ...], arm Flags."""
    if found := _PPC_SYMBOL.fullmatch(text):
        if found[1] == "NIP":
            block.text = found[2].strip()
            block.symbol = block.text if block.text not in _NO_SYMBOL else None
        return True
    return bool(_ARM_FLAGS.fullmatch(text))


def row_of(text: str) -> tuple[dict[str, str], str | None, str] | None:
    """Registers of one row, the symbol printed beside the code address, and what was left.

    None: not a row of registers.
    """
    if found := _MIPS_ROW.fullmatch(text):
        first = int(found[1])
        return {f"${first + n}": value for n, value in enumerate(found[2].split())}, None, ""
    registers: dict[str, str] = {}
    symbol, at = None, 0
    while (found := _VALUE.match(text, at)) and (
        found[1] in _NAMES or found[1] == "Syscall Result"
    ):
        registers[found[1]] = found[2]
        if found[3] and found[1] in _CODE:
            symbol = found[3].strip()
        at = found.end()
    return (registers, symbol, text[at:].strip()) if registers else None


def add_row(block: Block, registers: Mapping[str, str], symbol: str | None) -> None:
    """Put a row into its block."""
    block.registers.update(registers)
    if symbol:
        block.text = symbol
        block.symbol = symbol if symbol not in _NO_SYMBOL else None


def starts_block(registers: Mapping[str, str], block: Block | None) -> bool:
    """Whether a row opens a new block: there is none yet, or it has these registers already."""
    return block is None or any(name in block.registers for name in registers)
