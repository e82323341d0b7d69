"""The bits of a machine check's status register, in words.

Sources: Intel SDM volume 3B, chapter "Machine-Check Architecture" (IA32_MCi_STATUS and the tables
of simple and compound error codes); AMD64 APM volume 2, chapter "Machine Check Architecture".
Model specific codes are left alone. Flags S and AR exist on Intel only.
"""

import re

# arch/x86/include/asm/processor.h: X86_VENDOR_*, the number printed after PROCESSOR
VENDORS = {"0": "intel", "1": "cyrix", "2": "amd", "5": "centaur", "9": "hygon", "10": "zhaoxin"}

_FLAGS = (
    (63, "VAL"),
    (62, "OVER"),
    (61, "UC"),
    (60, "EN"),
    (59, "MISCV"),
    (58, "ADDRV"),
    (57, "PCC"),
)
_INTEL = ((56, "S"), (55, "AR"))
_AMD = ((55, "TCC"), (46, "CECC"), (45, "UECC"), (44, "Deferred"), (43, "Poison"))
_MCG = ((0, "RIPV"), (1, "EIPV"), (2, "MCIP"), (3, "LMCE"))

_SIMPLE = {
    0x0000: "no error",
    0x0001: "unclassified error",
    0x0002: "microcode ROM parity error",
    0x0003: "external error (another processor)",
    0x0004: "FRC (redundancy check) error",
    0x0005: "internal parity error",
    0x0006: "SMM handler access outside its range",
    0x0400: "internal timer error (three-strike timeout)",
    0x0E0B: "I/O error",
}
_LEVELS = ("level 0", "level 1", "level 2", "any level")
_TYPES = ("instruction", "data", "generic", "reserved type")
_REQUESTS = (
    "any request", "read", "write", "data read", "data write", "instruction fetch", "prefetch",
    "eviction", "snoop",
)  # fmt: skip
_MEMORY = ("generic request", "read", "write", "address or command", "scrub")
_PARTIES = ("this processor asked", "this processor answered", "this processor observed", "generic")
_TARGETS = ("memory", "reserved target", "I/O", "other")


def flags(status: int, vendor: str | None) -> tuple[str, ...]:
    """Names of the bits that are set, from the highest down."""
    bits: tuple[tuple[int, str], ...] = _FLAGS
    if vendor == "intel":
        bits += _INTEL
    elif vendor in ("amd", "hygon"):
        bits += _AMD
    return tuple(name for bit, name in bits if status >> bit & 1)


def mcg_flags(mcgstatus: int) -> tuple[str, ...]:
    """The same for the global status register."""
    return tuple(name for bit, name in _MCG if mcgstatus >> bit & 1)


def error(status: int, vendor: str | None) -> str | None:
    """The architectural error code (bits 15 to 0); None if it is none of the documented ones."""
    code = status & 0xFFFF
    if simple := _SIMPLE.get(code):
        return simple
    if vendor != "amd":
        code &= ~0x1000  # corrections of this kind were filtered: no part of the kind
    level, kind = _LEVELS[code & 3], _TYPES[code >> 2 & 3]
    if 0x0400 < code < 0x0800:
        return "internal unclassified error"
    if code & 0xFFFC == 0x000C:
        return f"cache hierarchy error: {level}"
    if code & 0xFFF0 == 0x0010:
        return f"TLB error: {kind}, {level}"
    if vendor != "amd" and code & 0xFD80 == 0x0080:
        return _memory(code)
    request = code >> 4 & 0xF
    asked = _REQUESTS[request] if request < len(_REQUESTS) else "reserved request"
    if code & 0xFF00 == 0x0100:
        place = "memory or cache error" if vendor == "amd" else "cache error"
        return f"{place}: {kind}, {asked}, {level}"
    if code & 0xF800 == 0x0800:
        late = ", timed out" if code & 0x100 else ""
        party, target = _PARTIES[code >> 9 & 3], _TARGETS[code >> 2 & 3]
        return f"bus or interconnect error: {target}, {asked}, {party}, {level}{late}"
    return None


def _memory(code: int) -> str:
    request = code >> 4 & 7
    asked = _MEMORY[request] if request < len(_MEMORY) else "reserved request"
    channel = code & 0xF
    where = "channel not given" if channel == 0xF else f"channel {channel}"
    place = "extended memory (cache) error" if code & 0x200 else "memory controller error"
    return f"{place}: {asked}, {where}"


_HEX = re.compile(r"[0-9a-f]{1,16}", re.IGNORECASE)


def number(text: str | None) -> int | None:
    """Hex digits as a number; None for anything else."""
    return int(text, 16) if text and _HEX.fullmatch(text) else None
