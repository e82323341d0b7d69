"""How often a kernel ticks, from data it is built with: crash needs it for the uptime.

crash asks gdb for `write_expire` (5 * HZ) in the scope of the deadline scheduler, which is a
constant that only DWARF knows. The clock source `jiffies` says the same: its `mult` is the
nanoseconds of a tick, shifted left by its `shift` (kernel/time/jiffies.c, since 2.6.18).
"""

import struct
from collections.abc import Callable, Mapping

from vmtriage.namelist.ingredients import Symbol
from vmtriage.source.btf import BadBtf, Btf, Unclear

_CLOCK = b"clocksource_jiffies"
_USUAL = (100, 128, 200, 250, 256, 300, 500, 512, 1000, 1024, 1200, 2000)  # HZ of any port

Read = Callable[[int, int], bytes]


def hz_of(btf: bytes, symbols: Mapping[bytes, Symbol], read: Read) -> int | None:
    """Ticks a second; None where the kernel does not tell."""
    clock = symbols.get(_CLOCK)
    if clock is None:
        return None
    try:
        types = Btf(btf)
        at = [types.offset_of("clocksource", name) for name in ("mult", "shift")]
    except (BadBtf, Unclear):
        return None
    order = "<" if btf[:1] == b"\x9f" else ">"
    words = [read(clock.address + place, 4) if place is not None else b"" for place in at]
    if any(len(each) != 4 for each in words):
        return None
    mult, shift = (struct.unpack(order + "I", each)[0] for each in words)
    nanoseconds = mult >> shift if shift < 32 else 0
    if not nanoseconds:
        return None
    hz = round(1_000_000_000 / nanoseconds)
    return hz if hz in _USUAL else None
