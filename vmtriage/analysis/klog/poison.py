"""Values that kernels write where nobody should read, and what it means to find one.

Sources: include/linux/poison.h (2.6.32 to 6.12), include/uapi/linux/magic.h,
include/linux/spinlock_types_raw.h, include/linux/err.h, arch/x86/include/asm/kasan.h,
arch/powerpc/Kconfig (ILLEGAL_POINTER_VALUE). A value is told as what it looks like: a register may
hold the same number for other reasons.
"""

import errno
from typing import NamedTuple

_PAGE = 4096
_MAX_ERRNO = 4095  # include/linux/err.h
_LIST_REACH = 0x10  # a list head's two pointers
_FREED_REACH = 0x1000  # a member of what the freed memory seemed to point to


class Known(NamedTuple):
    """A constant. reach: bytes beyond it that still belong to it, members of a structure."""

    value: int
    name: str
    meaning: str
    reach: int = 0


# CONFIG_ILLEGAL_POINTER_VALUE: x86_64, arm64, riscv, s390; powerpc 64
_DELTAS = (0xDEAD000000000000, 0x5DEADBEEF0000000)
_FREED_NEXT = "`next` of a list entry that was deleted: used after list_del"
_FREED_PREV = "`prev` of a list entry that was deleted: used after list_del"
_POINTERS = (
    Known(0x40, "PP_SIGNATURE", "the mark of a page of a network page pool"),
    Known(0xF5, "VFS_PTR_POISON", "a pointer the VFS retired"),
    Known(0x100, "LIST_POISON1", _FREED_NEXT, _LIST_REACH),
    Known(0x122, "LIST_POISON2", _FREED_PREV, _LIST_REACH),
    Known(0x200, "LIST_POISON2", f"{_FREED_PREV} (older kernels)", _LIST_REACH),
    Known(0x300, "TIMER_ENTRY_STATIC", "a timer set up at compile time that was never started"),
    Known(0x400, "TAIL_MAPPING", "`mapping` of a tail page of a compound page"),
    Known(0x500, "MUTEX_POISON_WW_CTX", "the context of a wound/wait mutex that was released"),
    Known(0x800, "SKB_LIST_POISON_NEXT", "`next` of a network buffer taken off its list"),
    Known(0x801, "NET_PTR_POISON", "a pointer the network code retired"),
    Known(0xEB9F, "BPF_PTR_POISON", "a pointer BPF retired"),
    Known(0xD390, "STACK_DEPOT_POISON", "an entry of the stack depot that was freed"),
    Known(0x100100, "LIST_POISON1", f"{_FREED_NEXT} (older kernels)", _LIST_REACH),
    Known(0x200200, "LIST_POISON2", f"{_FREED_PREV} (older kernels)", _LIST_REACH),
)
_WHOLE = (
    Known(0x09F911029D74E35B, "RED_INACTIVE", "SLAB's red zone of a free object"),
    Known(0xD84156C5635688C0, "RED_ACTIVE", "SLAB's red zone of an object in use"),
    Known(0x57AC6E9D, "STACK_END_MAGIC", "the mark at the end of a kernel stack"),
    Known(0xDEAD4EAD, "SPINLOCK_MAGIC", "the mark of a spinlock with CONFIG_DEBUG_SPINLOCK"),
    Known(0xDEAF1EED, "RWLOCK_MAGIC", "the mark of a rwlock with CONFIG_DEBUG_SPINLOCK"),
    # without POISON_POINTER_DELTA: 32-bit kernels, and 64-bit ones before 2.6.33
    Known(0x00100100, "LIST_POISON1", _FREED_NEXT, _LIST_REACH),
    Known(0x00200200, "LIST_POISON2", _FREED_PREV, _LIST_REACH),
)
# A byte all over. Values of one to three bytes are too common to mean anything.
_BYTES = (
    Known(0x6B, "POISON_FREE", "slab memory after it was freed: use after free", _FREED_REACH),
    Known(0x5A, "POISON_INUSE", "slab memory nobody has written yet: uninitialised", _FREED_REACH),
    Known(0xA5, "POISON_END", "the last byte of a slab object's poison"),
    Known(0xBB, "SLUB_RED_INACTIVE", "the red zone of a free slab object: access out of bounds"),
    Known(0xCC, "SLUB_RED_ACTIVE", "the red zone of a slab object in use (out of bounds), freed"
          " init memory, or padding between functions", _FREED_REACH),
    Known(0xAA, "PAGE_POISON", "a page after it was freed: use after free", _FREED_REACH),
    Known(0x5B, "JBD_POISON_FREE", "a journal head after it was freed (ext3)", _FREED_REACH),
    Known(0x5C, "JBD2_POISON_FREE", "a journal head after it was freed (ext4)", _FREED_REACH),
    Known(0xA7, "POOL_POISON_FREED", "DMA pool memory after it was freed", _FREED_REACH),
    Known(0xA9, "POOL_POISON_ALLOCATED", "DMA pool memory nobody has written yet", _FREED_REACH),
    Known(0xBD, "KEY_DESTROY", "a key that was destroyed", _FREED_REACH),
)  # fmt: skip
_KASAN_OFFSET = 0xDFFFFC0000000000  # x86_64: shadow of an address is (address >> 3) + this


class Sense(NamedTuple):
    """What a value looks like. offset: bytes beyond the constant."""

    name: str | None
    offset: int
    meaning: str


def pointer(value: int, bits: int) -> Sense | None:
    """What a faulting address tells: poison, NULL with an offset, an error pointer."""
    if value < _PAGE:
        return _null(value, bits)
    return poison(value, bits) or error(value, bits) or _shadow(value, bits)


def poison(value: int, bits: int) -> Sense | None:
    """The poison this value is, or is a member's offset away from. bits: 32 or 64."""
    for known in _candidates(bits):
        if 0 <= value - known.value <= known.reach:
            return Sense(known.name, value - known.value, known.meaning)
    return None


def _candidates(bits: int) -> tuple[Known, ...]:
    moved = (
        [k._replace(value=k.value + d) for d in _DELTAS for k in _POINTERS] if bits == 64 else []
    )
    widths = (8, 4) if bits == 64 else (4,)
    bytes_ = [
        k._replace(value=int.from_bytes(bytes([k.value]) * width))
        for width in widths
        for k in _BYTES
    ]
    return (*moved, *_WHOLE, *bytes_)


def error(value: int, bits: int) -> Sense | None:
    """An error number that was taken for a pointer: the last 4095 addresses."""
    number = (1 << bits) - value
    if not 0 < number <= _MAX_ERRNO:
        return None
    name = errno.errorcode.get(number)
    if name is None:
        return Sense(
            None,
            0,
            f"in the last page: an error pointer (or -1) and an offset; -{number} as a number",
        )
    meaning = f"the error -{number} ({name}) taken for a pointer"
    if number % 4 == 0:  # container_of(NULL): members stand at such offsets
        meaning += f", or NULL less {number:#x} bytes"
    return Sense(f"ERR_PTR(-{name})", 0, meaning)


def _null(value: int, bits: int) -> Sense:
    if value == 0:
        return Sense("NULL", 0, "a NULL pointer itself")
    meaning = f"a NULL pointer, and a member {value:#x} bytes into the structure"
    if bits == 32 and 0 <= min(value - 0x100 & 0xFFFF, value - 0x122 & 0xFFFF) <= _LIST_REACH:
        meaning += "; or LIST_POISON of a kernel without POISON_POINTER_DELTA"
    return Sense("NULL", value, meaning)


def _shadow(value: int, bits: int) -> Sense | None:
    """KASAN looks its shadow up before the access: the fault hits the shadow's address."""
    if bits != 64 or not 0 <= value - _KASAN_OFFSET < _PAGE:
        return None
    real = (value - _KASAN_OFFSET) << 3
    return Sense(
        "KASAN_SHADOW_OFFSET", value - _KASAN_OFFSET,
        f"KASAN's shadow of the addresses {real:#x} to {real + 7:#x}: a NULL pointer and an offset",
    )  # fmt: skip
