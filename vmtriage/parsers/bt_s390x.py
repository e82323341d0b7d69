"""What only `bt` on s390x prints: the lowcore of an active CPU, and PSW/GPRS interrupt blocks.

Sample:
 LOWCORE INFO:
  -psw      : 0x0706000180000000 0x00000000001133ac
  -function : panic at 1133ac
  -general registers:
     0x0000000000000000 0x0000000000000001 ...

 PSW:  0706000180000000 000000000012a5b6 (vtime_stop_cpu+102)
 GPRS: 0000000000000000 000003ff00000000 00000000008f8b40 0000000000000000
       ...
"""

import re

from vmtriage.parsers.bt_registers import Block

_HEX = r"(?:0x)?([0-9a-f]{8,16})"
_LOWCORE = re.compile(r"\s*LOWCORE INFO:\s*")
_FIELD = re.compile(r"\s*-([a-z][a-z ]{0,30}?)\s*:\s*(.*)")
_PSW = re.compile(rf"{_HEX}\s+{_HEX}(?:\s+\((.*)\))?\s*")
_PSW_LINE = re.compile(rf"\s*PSW:\s+{_HEX}\s+{_HEX}(?:\s+\((.*)\))?\s*")
_GPRS = re.compile(r"\s*GPRS:\s*(.*)")
_VALUES = re.compile(r"\s*(?:(?:0x)?[0-9a-f]{8,16}(?:\s+|$)){1,16}")
_FUNCTION = re.compile(r"(\S.*?) at (?:0x)?[0-9a-f]{1,16}(?: \[([^][]+)\])?\s*")
_PROBLEM_STATE = 1 << 48


class S390Reader:
    """Takes the lines of one block after the other; `block` is the one being filled."""

    def __init__(self) -> None:
        self.block: Block | None = None
        self._list = ""  # the register list whose value rows are being read

    def open(self, text: str, number: int, after_level: int | None) -> Block | None:
        """A block that starts on this line, or None."""
        self._list = ""
        if _LOWCORE.fullmatch(text):
            self.block = Block(number, after_level, kind="LOWCORE")
        elif found := _PSW_LINE.fullmatch(text):
            self.block = Block(number, after_level)
            self._psw(found[1], found[2], found[3])
        else:
            self.block = None
        return self.block

    def take(self, text: str) -> bool:
        """Whether the line belongs to the open block; its facts are put there."""
        if self.block is None:
            return False
        if self._list and _VALUES.fullmatch(text):
            self._values(text)
            return True
        if found := _GPRS.fullmatch(text):
            self._list = "general registers"
            self._values(found[1])
            return True
        if self.block.kind == "LOWCORE" and (found := _FIELD.fullmatch(text)):
            self._field(found[1], found[2])
            return True
        return False

    def _field(self, name: str, value: str) -> None:
        assert self.block is not None
        self._list = name if name.endswith("registers") else ""
        if name == "psw" and (found := _PSW.fullmatch(value)):
            self._psw(found[1], found[2], found[3])
        elif name == "function" and (found := _FUNCTION.fullmatch(value)):
            self.block.text = found[1]
            self.block.symbol = f"{found[1]} [{found[2]}]" if found[2] else found[1]
        elif self._list:
            self._values(value)

    def _psw(self, mask: str, address: str, symbol: str | None) -> None:
        assert self.block is not None
        self.block.registers["PSW_MASK"] = mask
        self.block.registers["PSW"] = address
        self.block.user_mode = bool(int(mask, 16) & _PROBLEM_STATE)
        if symbol:
            self.block.text = symbol
            self.block.user_mode = symbol == "user space"
            self.block.symbol = None if self.block.user_mode else symbol

    def _values(self, text: str) -> None:
        """General registers are numbered on; the other lists are known, but not kept."""
        assert self.block is not None
        if self._list != "general registers" or not _VALUES.fullmatch(text):
            return
        known = sum(name.startswith("R") for name in self.block.registers)
        for number, value in zip(range(known, 16), text.split(), strict=False):
            self.block.registers[f"R{number}"] = value.removeprefix("0x")
