"""The log of kernels before 5.10: records one behind the other, before 3.5 plain text.

Source: kernel/printk.c of these kernels and their VMCOREINFO.
"""

from collections.abc import Iterator

from vmtriage.source.printk.kernel import Kernel, Unreadable
from vmtriage.source.printk.ring import Record

_LARGEST = 1 << 26
_MOST_RECORDS = 1 << 20


def records(kernel: Kernel) -> Iterator[Record]:
    """From the oldest on; ends where the chain is broken. Unreadable if it does not begin."""
    name = next((each for each in ("printk_log", "log") if each in kernel.sizes), None)
    if name is None:
        raise Unreadable("VMCOREINFO tells of no log records")
    start, size = _buffer(kernel)
    at = kernel.number(kernel.symbol("log_first_idx"), 4)
    end = kernel.number(kernel.symbol("log_next_idx"), 4)
    smallest, seen = kernel.size(name), 0
    for _ in range(_MOST_RECORDS):
        if at == end or at + smallest > size or seen > size:
            return
        record = start + at
        try:
            length = kernel.member(record, f"{name}.len", 2)
            text = min(kernel.member(record, f"{name}.text_len", 2), max(length - smallest, 0))
            if length:
                ns = kernel.member(record, f"{name}.ts_nsec")
                yield Record(ns, kernel.content(record + smallest, text))
        except Unreadable:
            return
        if 0 < length < smallest:
            return
        at, seen = (at + length, seen + length) if length else (0, seen + smallest)


def plain(kernel: Kernel) -> bytes:
    """The text of a kernel older than 3.5. Raises Unreadable."""
    start, size = _buffer(kernel)
    end = kernel.number(kernel.symbol("log_end"), 4)
    logged = min(kernel.number(kernel.symbol("logged_chars"), 4), size, end)
    begin = (end - logged) % size
    first = kernel.content(start + begin, min(logged, size - begin))
    return first + kernel.content(start, logged - len(first))


def _buffer(kernel: Kernel) -> tuple[int, int]:
    size = kernel.number(kernel.symbol("log_buf_len"), 4)
    if not 0 < size <= _LARGEST:
        raise Unreadable(f"a log buffer of {size} bytes")
    return kernel.number(kernel.symbol("log_buf")), size
