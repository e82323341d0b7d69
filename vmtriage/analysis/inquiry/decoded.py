"""An instruction as its operand reader hands it on."""

from dataclasses import dataclass
from typing import Literal

from vmtriage.models.fault_site import MemoryOperand


@dataclass(frozen=True)
class Decoded:
    """memory: the places it touches, none for most. divisor: the register, and its bytes."""

    mnemonic: str
    memory: tuple[MemoryOperand, ...] = ()
    trap: Literal["bug", "divide"] | None = None
    divisor: tuple[str, int] | None = None


def number(text: str | None) -> int:
    """-0x8, 120; nothing is 0."""
    if not text:
        return 0
    return int(text, 16) if "0x" in text else int(text)
