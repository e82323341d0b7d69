"""The host name in a dump's memory, where no header has it: an ELF core's."""

from pathlib import Path

from vmtriage.errors import TriageError
from vmtriage.source.dumpfile import Missing, open_dump

_FIELD = 65  # bytes of each field of new_utsname: sysname, nodename, release ...
_OLD = 4  # where uts_namespace.name lay before VMCOREINFO told (5.11)


def nodename_of(dump: Path) -> str | None:
    """init_uts_ns.name.nodename; None where the dump does not give it."""
    try:
        with open_dump(dump) as memory:
            at = memory.info.symbols.get("init_uts_ns")
            if at is None:
                return None
            for skip in (memory.info.offsets.get("uts_namespace.name", _OLD), 0):
                raw = memory.read_virtual(at + skip, 2 * _FIELD)
                if raw.startswith(b"Linux\0"):
                    return raw[_FIELD:].split(b"\0")[0].decode("ascii", "replace") or None
    except (TriageError, Missing, OSError):
        pass
    return None
