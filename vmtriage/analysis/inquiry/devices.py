"""Which device or server a stuck task waits for, where the log names one.

Sources: net/sunrpc/clnt.c (nfs: server ... not responding), block/blk-core.c, drivers/scsi,
drivers/nvme/host/{pci,core}.c, fs/ext4/super.c, fs/xfs/xfs_log.c.
"""

import re
from collections.abc import Mapping
from types import MappingProxyType

from vmtriage.analysis.inquiry.stalls import Stall
from vmtriage.models.klog import KernelLog
from vmtriage.models.waits import Stuck, StuckKind

_BLOCK = re.compile(
    r"I/O error, dev (?P<dev>[\w/-]+)|\[(?P<dev2>sd[a-z]+)\] .*(?:FAILED Result|timing out command)"
    r"|rejecting I/O to (?:offline|dead) device|nvme (?P<dev3>nvme\d+): I/O .*timeout"
    r"|Buffer I/O error on dev(?:ice)? (?P<dev4>[\w/-]+)"
)
_FILES = re.compile(
    r"(?:EXT4-fs|XFS|JBD2|BTRFS)\S*(?: \w+)? ?\(?(?:device )?(?P<dev>[a-z]\w*(?:-\d+)?)\)?:.*"
    r"(?:error|I/O|abort|shut)"
)
_SAYS: Mapping[StuckKind, tuple[re.Pattern[str], ...]] = MappingProxyType(
    {
        "nfs": (re.compile(r"nfs4?: server (?P<dev>\S+) not responding"),),
        "block": (_BLOCK,),
        "filesystem": (_BLOCK, _FILES),
    }
)


def stuck(stall: Stall, log: KernelLog | None) -> Stuck | None:
    """What is stuck; with its name if exactly one is named by the log."""
    if stall.stuck is None:
        return None
    found: dict[str, tuple[int, str]] = {}
    forms = _SAYS.get(stall.stuck, ())
    for record in log.records if log and forms else ():
        for form in forms:
            match = form.search(record.text)
            name = next((each for each in match.groups() if each), None) if match else None
            if name:
                found[name] = (record.line, record.text.strip())
    if len(found) != 1:
        return Stuck(kind=stall.stuck)
    ((name, (line, text)),) = found.items()
    return Stuck(kind=stall.stuck, device=name, line=line, text=text)
