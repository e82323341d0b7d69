"""A kernel log as text, as `dmesg` prints it, whatever kernel wrote it."""

from collections.abc import Iterable, Iterator
from itertools import chain

from vmtriage.source.printk import buffer, ring
from vmtriage.source.printk.kernel import Kernel, Unreadable
from vmtriage.source.printk.ring import Record

_MOST_BYTES = 64 << 20


def kernel_log(kernel: Kernel) -> str:
    """The whole log, what is missing left out. Raises Unreadable where nothing can be read."""
    if "prb" in kernel.symbols:
        return _text(ring.records(kernel))
    if "log_first_idx" in kernel.symbols:
        return _text(buffer.records(kernel))
    return _decoded(buffer.plain(kernel))


def _text(records: Iterable[Record]) -> str:
    lines, size = [], 0
    for line in chain.from_iterable(map(_lines, records)):
        lines.append(line)
        size += len(line)
        if size > _MOST_BYTES:
            break
    if not lines:
        raise Unreadable("no record of the log is in the dump")
    return "".join(lines)


def _lines(record: Record) -> Iterator[str]:
    """Every line with the record's time."""
    seconds, rest = divmod(record.ns, 1_000_000_000)
    for line in _decoded(record.text).split("\n"):
        yield f"[{seconds:5}.{rest // 1000:06}] {line}\n"


def _decoded(raw: bytes) -> str:
    return raw.replace(b"\0", b"").decode("utf-8", "backslashreplace")
