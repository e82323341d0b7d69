"""VMCOREINFO of a compressed kdump."""

from vmtriage.source import vmcoreinfo
from vmtriage.source.dumpfile.kdump_header import KdumpHeader
from vmtriage.source.dumpfile.stored import Stored
from vmtriage.source.vmcoreinfo import VmcoreInfo

_MAX_INFO = 1 << 20
_HOLE = 512


def of_kdump(header: KdumpHeader, stored: Stored) -> VmcoreInfo:
    """VMCOREINFO from where the header says, or from the first blocks if it errs."""
    raw = stored.read(header.vmcoreinfo_at, min(header.vmcoreinfo_size, _MAX_INFO))
    found = vmcoreinfo.parse(raw)
    return found if found.release else vmcoreinfo.within(_first(stored, _MAX_INFO))


def _first(stored: Stored, count: int) -> bytes:
    """The first bytes, with zeros where a flattened dump has a hole."""
    data = bytearray()
    while len(data) < min(count, stored.size):
        data += stored.read(len(data), count - len(data)) or bytes(min(_HOLE, count - len(data)))
    return bytes(data)
