"""The lockless ring of Linux 5.10 and newer: descriptors, one info each, text in a data ring.

Source: kernel/printk/printk_ringbuffer.h and Documentation/admin-guide/kdump/vmcoreinfo.rst.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from vmtriage.source.printk.kernel import Kernel, Unreadable

_MOST_BITS = 26  # 64 Mi: the kernel's own limit is lower
_COMMITTED = (1, 2)  # committed, finalized: of desc_state
_ID_BITS = 62
_ID_MASK = (1 << _ID_BITS) - 1
_WORD = 8
_MOST_RECORDS = 1 << 20
_MOST_LOST = 1 << 15  # one behind the other: memory that lies, or all of it missing
_LONGEST = 1 << 16  # text_len has 16 bits


@dataclass(frozen=True)
class Record:
    """One printk: nanoseconds since boot, and its text as it lies there."""

    ns: int
    text: bytes


def records(kernel: Kernel) -> Iterator[Record]:
    """From the oldest on. One that is overwritten or missing is left out; Unreadable if all are."""
    prb = kernel.number(kernel.symbol("prb"))
    ring = _Ring.at(kernel, prb)
    head, number, lost = ring.head, ring.tail, 0
    for _ in range(min(1 << ring.count_bits, _MOST_RECORDS)):
        try:
            record = ring.record(number)
        except Unreadable:
            record = None
        lost = lost + 1 if record is None else 0
        if record is not None:
            yield record
        if number == head or lost > _MOST_LOST:
            return
        number = (number + 1) & _ID_MASK


@dataclass(frozen=True)
class _Ring:
    kernel: Kernel
    count_bits: int
    descs: int
    infos: int
    head: int
    tail: int
    size_bits: int
    data: int

    @classmethod
    def at(cls, kernel: Kernel, prb: int) -> "_Ring":
        descs = prb + kernel.offset("printk_ringbuffer.desc_ring")
        texts = prb + kernel.offset("printk_ringbuffer.text_data_ring")
        counter = kernel.offset("atomic_long_t.counter")
        count_bits = kernel.member(descs, "prb_desc_ring.count_bits", 4)
        size_bits = kernel.member(texts, "prb_data_ring.size_bits", 4)
        if not (0 < count_bits <= _MOST_BITS and 0 < size_bits <= _MOST_BITS):
            raise Unreadable(f"a ring of {count_bits} and {size_bits} bits")
        return cls(
            kernel, count_bits,
            kernel.member(descs, "prb_desc_ring.descs"),
            kernel.member(descs, "prb_desc_ring.infos"),
            kernel.number(descs + kernel.offset("prb_desc_ring.head_id") + counter) & _ID_MASK,
            kernel.number(descs + kernel.offset("prb_desc_ring.tail_id") + counter) & _ID_MASK,
            size_bits, kernel.member(texts, "prb_data_ring.data"),
        )  # fmt: skip

    def record(self, number: int) -> Record | None:
        """By its id; None where the slot is not its own, or holds no text."""
        kernel = self.kernel
        slot = number & (1 << self.count_bits) - 1
        desc = self.descs + slot * kernel.size("prb_desc")
        info = self.infos + slot * kernel.size("printk_info")
        counter = kernel.offset("atomic_long_t.counter")
        state = kernel.number(desc + kernel.offset("prb_desc.state_var") + counter)
        if state & _ID_MASK != number or state >> _ID_BITS not in _COMMITTED:
            return None
        block = desc + kernel.offset("prb_desc.text_blk_lpos")
        begin = kernel.member(block, "prb_data_blk_lpos.begin")
        following = kernel.member(block, "prb_data_blk_lpos.next")
        if begin & 1:  # an empty line has no block
            return Record(kernel.member(info, "printk_info.ts_nsec"), b"")
        size = 1 << self.size_bits
        if (begin >> self.size_bits) != (following >> self.size_bits) and following & size - 1:
            begin = 0  # a block does not wrap: it was put at the start
        begin &= size - 1
        if kernel.number(self.data + begin) != number:
            return None  # the block is another record's by now
        begin += _WORD
        room = ((following & size - 1) or size) - begin
        length = min(kernel.member(info, "printk_info.text_len", 2), room, _LONGEST)
        if length < 0:
            return None
        text = kernel.content(self.data + begin, length)
        return Record(kernel.member(info, "printk_info.ts_nsec"), text)
