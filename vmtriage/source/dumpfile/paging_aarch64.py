"""Virtual addresses of an arm64 kernel: pages of 4, 16 and 64 KiB, 39 to 52 bits.

Proved on memory made by hand only: the lab has no arm64 dump. After the Arm architecture's
VMSAv8-64 tables and the kernel's arch/arm64.
"""

from struct import Struct

from vmtriage.source.dumpfile.memory import Memory, Translated
from vmtriage.source.dumpfile.missing import Missing, Why
from vmtriage.source.vmcoreinfo import VmcoreInfo

_ENTRY = Struct("<Q")
_VALID, _TABLE = 1, 2
_IMAGE = 256 << 20  # no kernel image is longer


class Aarch64:
    """Walks swapper_pg_dir; the kernel's image falls back on kimage_voffset."""

    def __init__(self, memory: Memory, info: VmcoreInfo) -> None:
        self._memory = memory
        numbers = info.numbers
        self._shift = (info.page_size or 4096).bit_length() - 1
        self._configured = numbers.get("VA_BITS", 48)
        size = numbers.get("TCR_EL1_T1SZ")
        self._bits = 64 - size if size else self._configured  # what the machine really uses
        self._offset = numbers.get("kimage_voffset")
        self._top, self._text = info.symbols.get("swapper_pg_dir"), info.symbols.get("_stext")

    def translate(self, address: int) -> Translated:
        """Physical address, and how many bytes follow it in the same mapping."""
        if address >> self._configured != (1 << 64 - self._configured) - 1:
            raise Missing(Why.UNMAPPED, address, "not a kernel's address")
        if self._top is None or self._offset is None:
            raise Missing(Why.UNMAPPED, address, "VMCOREINFO does not say where the tables are")
        try:
            return self._walk(address, self._top - self._offset & (1 << 64) - 1)
        except Missing as missing:
            begin = self._text or 0
            if missing.why is Why.UNMAPPED or not begin <= address < begin + _IMAGE:
                raise
            return address - self._offset & (1 << 64) - 1, begin + _IMAGE - address

    def _walk(self, address: int, table: int) -> Translated:
        page = self._shift
        each = page - 3  # bits of an index
        levels = -(-(self._bits - page) // each)
        for level in range(levels, 0, -1):
            shift = page + each * (level - 1)
            # the first table may be short; a kernel built for 52 bits lays it out for 52
            bits = each if level < levels else min(each, max(self._configured - shift, 1))
            at = table + (address >> shift & (1 << bits) - 1) * 8
            try:
                (entry,) = _ENTRY.unpack(self._memory.read(at, 8))
            except Missing as lost:
                reason = f"its page table at {at:x} is {lost.why}"
                raise Missing(lost.why, address, reason) from None
            if not entry & _VALID:
                raise Missing(Why.UNMAPPED, address, f"level {level} from below has no entry")
            if level == 1 or not entry & _TABLE:
                size = 1 << shift
                within = address & size - 1
                return (self._frame(entry) & ~(size - 1)) + within, size - within
            table = self._frame(entry)
        raise AssertionError("the last level returns")

    def _frame(self, entry: int) -> int:
        """The physical address in an entry; with 52 bits its top lies in low bits."""
        low = entry & (1 << 48) - (1 << self._shift)
        if self._shift == 16:
            return low | (entry >> 12 & 15) << 48
        if self._bits == 52:  # LPA2
            return entry & (1 << 50) - (1 << self._shift) | (entry >> 8 & 3) << 50
        return low
