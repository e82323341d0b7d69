"""Virtual addresses of an x86_64 kernel: 4 and 5 levels, pages of 4 KiB, 2 MiB and 1 GiB."""

from struct import Struct

from vmtriage.source.dumpfile.memory import Memory, Translated
from vmtriage.source.dumpfile.missing import Missing, Why
from vmtriage.source.vmcoreinfo import VmcoreInfo

_KERNEL_MAP = 0xFFFF_FFFF_8000_0000  # __START_KERNEL_map
_ENTRY = Struct("<Q")
_PRESENT, _HUGE = 1 << 0, 1 << 7
_FRAME = (1 << 52) - (1 << 12)
_TABLES = ("init_top_pgt", "swapper_pg_dir", "init_level4_pgt")


class X8664:
    """Walks the kernel's page tables; kernel text falls back on phys_base where they lack."""

    def __init__(self, memory: Memory, info: VmcoreInfo) -> None:
        self._memory, self._base = memory, info.numbers.get("phys_base")
        self._text_end = _KERNEL_MAP + info.numbers.get("KERNEL_IMAGE_SIZE", 512 << 20)
        self._top = next((info.symbols[name] for name in _TABLES if name in info.symbols), None)
        self._levels = 5 if info.numbers.get("pgtable_l5_enabled") else 4
        self._frame = _FRAME & ~info.numbers.get("sme_mask", 0)

    def translate(self, address: int) -> Translated:
        """Physical address, and how many bytes follow it in the same mapping."""
        bits = 12 + 9 * self._levels
        if address >> (bits - 1) not in (0, (1 << 65 - bits) - 1):
            raise Missing(Why.UNMAPPED, address, "not canonical")
        if self._base is None or self._top is None:
            raise Missing(Why.UNMAPPED, address, "VMCOREINFO does not say where the tables are")
        try:
            return self._walk(address, self._top - _KERNEL_MAP + self._base)
        except Missing as missing:
            if missing.why is Why.UNMAPPED or not _KERNEL_MAP <= address < self._text_end:
                raise
            # the tables are not in the dump, but the image lies in one piece
            return address - _KERNEL_MAP + self._base, self._text_end - address

    def _walk(self, address: int, table: int) -> Translated:
        for level in range(self._levels, 0, -1):
            shift = 3 + 9 * level
            at = table + (address >> shift & 511) * 8
            try:
                (entry,) = _ENTRY.unpack(self._memory.read(at, 8))
            except Missing as lost:
                reason = f"its page table at {at:x} is {lost.why}"
                raise Missing(lost.why, address, reason) from None
            if not entry & _PRESENT:
                raise Missing(Why.UNMAPPED, address, f"level {level} has no entry")
            if level == 1 or (entry & _HUGE and level <= 3):
                size = 1 << shift
                within = address & size - 1
                return (entry & self._frame & ~(size - 1)) + within, size - within
            table = entry & self._frame
        raise AssertionError("the last level returns")
