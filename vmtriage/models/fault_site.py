"""The instruction that crashed, held against the registers, and what they point to."""

from typing import Literal

from vmtriage.models.base import Address, Model
from vmtriage.models.evidence import Confidence, Evidence

AccessKind = Literal["read", "write", "read and write", "execute"]
PlaceKind = Literal[
    "slab", "stack", "task", "module", "kernel", "vmalloc", "page", "free page", "nothing",
    "unknown",
]  # fmt: skip


class MemoryOperand(Model):
    """A place in memory as an instruction names it: base + index * scale + displacement.

    Registers are called as crash prints them. access and size (bytes) are None where the
    instruction is not known.
    """

    text: str
    base: str | None = None
    index: str | None = None
    scale: int = 1
    extend: Literal["sxtw", "uxtw"] | None = None  # arm64: 32 bits of the index count
    displacement: int = 0
    segment: Literal["fs", "gs"] | None = None  # x86: gs is this CPU's own area
    target: Address | None = None  # as crash worked it out: relative to the program counter
    access: AccessKind | None = None
    size: int | None = None


class RegisterObject(Model):
    """What a register points to, by `kmem`.

    role: how the instruction uses it; `target` is the address that was accessed, `other` a
    register that the instruction does not use: it may be a left-over.
    """

    registers: tuple[str, ...]
    address: Address
    role: Literal["base", "index", "target", "other"]
    kind: PlaceKind
    name: str | None = None  # of the slab cache, task, module, symbol
    start: Address | None = None  # of the object
    offset: int | None = None  # of the address in it
    size: int | None = None  # of the object, bytes
    allocated: bool | None = None  # at the time of the dump; False: the object is free
    holds_value_at: tuple[int, ...] = ()  # offsets in the object where the bad value stands
    says: str
    evidence: tuple[Evidence, ...] = ()


class FaultSite(Model):
    """Where and how the CPU stumbled.

    matches_log: the address worked out from the registers is the one the kernel reported. None:
    one of the two is not known. `says`: the findings, one short sentence each.
    """

    function: str | None = None
    offset: int | None = None
    module: str | None = None
    address: Address | None = None  # of the instruction
    instruction: str | None = None
    trap: Literal["bug", "divide"] | None = None
    operand: MemoryOperand | None = None
    computed: Address | None = None
    log_address: Address | None = None
    matches_log: bool | None = None
    bad_register: str | None = None
    bad_value: Address | None = None  # what it held
    bad_meaning: str | None = None  # what that value is: "NULL", poison
    confidence: Confidence = "medium"
    says: tuple[str, ...] = ()
    objects: tuple[RegisterObject, ...] = ()
    evidence: tuple[Evidence, ...] = ()
