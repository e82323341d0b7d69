"""The kernel log of a dump, read by vmtriage itself: no crash, no vmlinux, no makedumpfile."""

from pathlib import Path

from vmtriage.errors import TriageError
from vmtriage.source.dumpfile import Missing, open_dump
from vmtriage.source.printk import Kernel, kernel_log
from vmtriage.source.printk.kernel import Unreadable


def log_of(dump: Path, *others: Path) -> str | None:
    """As `dmesg` prints it; None where the dump does not give it (or is of a 32-bit kernel).
    Several files are the parts of one split dump."""
    try:
        with open_dump(dump, *others) as memory:

            def read(address: int, count: int) -> bytes | None:
                try:
                    return memory.read_virtual(address, count)
                except Missing:
                    return None

            info = memory.info
            return kernel_log(
                Kernel(read, info.symbols, info.offsets, info.sizes, memory.order == ">")
            )
    except (TriageError, Unreadable, OSError):
        return None
