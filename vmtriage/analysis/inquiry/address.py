"""Where an instruction reached, and what the values in its registers are."""

from collections.abc import Mapping
from typing import NamedTuple

from vmtriage.analysis.klog import poison
from vmtriage.models.fault_site import MemoryOperand

_PAGE = 4096
_KERNEL = 1 << 30  # a displacement beyond it is an address of its own: an array, not a member


class Bad(NamedTuple):
    """A register that cannot be right, and what its value is."""

    register: str
    value: int
    meaning: str


def effective(operand: MemoryOperand, registers: Mapping[str, int], bits: int) -> int | None:
    """The address; None: a part of it is not known."""
    if operand.target is not None:
        return int(operand.target, 16)
    if operand.segment is not None or operand.base == "RIP":
        return None
    address = operand.displacement
    for name, scale in ((operand.base, 1), (operand.index, operand.scale)):
        if name is None:
            continue
        value = registers.get(name)
        if value is None:
            return None
        if name == operand.index and operand.extend:
            value &= 0xFFFFFFFF
            if operand.extend == "sxtw" and value >> 31:
                value -= 1 << 32
        address += value * scale
    return address % (1 << bits)


def is_kernel(value: int, bits: int) -> bool:
    """Whether it looks like an address of the kernel: error numbers are none."""
    low = 0xFF << 56 if bits == 64 else 0xC0000000
    return low <= value < (1 << bits) - _PAGE


def canonical(value: int) -> bool:
    """Of x86_64, with four or with five levels of page tables."""
    return value >> 47 in (0, 0x1FFFF)


def wrong(operand: MemoryOperand, registers: Mapping[str, int], bits: int, x86: bool) -> Bad | None:
    """The register that cannot be a pointer, if one sticks out."""
    base = _pointer(operand, registers, bits)
    if base is None:
        return None
    value = registers[base]
    if meaning := sense(value, bits, x86):
        return Bad(base, value, meaning)
    index = operand.index if operand.index != base else operand.base
    if index is None or index not in registers or operand.extend:
        return None
    if registers[index] * operand.scale >= 1 << 31:
        found = poison.poison(registers[index], bits)
        told = f"{found.name}, {found.meaning}" if found else "too large for an index"
        return Bad(index, registers[index], told)
    return None


def sense(value: int, bits: int, x86: bool) -> str | None:
    """Why a value is no pointer into the kernel; None: it may be one."""
    if value == 0:
        return "NULL"
    known = poison.poison(value, bits) or poison.error(value, bits)
    if known:
        beyond = f" + {known.offset:#x}" if known.offset else ""
        return f"{known.name}{beyond}, {known.meaning}" if known.name else known.meaning
    if value < _PAGE:
        return f"the small number {value:#x}, no pointer: NULL and an offset"
    if bits == 64 and x86 and not canonical(value):
        return "no canonical address"
    if not is_kernel(value, bits):
        return "no address of the kernel"
    return None


def _pointer(operand: MemoryOperand, registers: Mapping[str, int], bits: int) -> str | None:
    """The register that is meant as pointer: of two unscaled ones either may be."""
    base, index = operand.base, operand.index
    if base is None or base not in registers or abs(operand.displacement) >= _KERNEL:
        return None
    swapped = (
        index is not None and index in registers and operand.scale == 1
        and not is_kernel(registers[base], bits) and is_kernel(registers[index], bits)
    )  # fmt: skip
    return index if swapped else base
