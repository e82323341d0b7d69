"""Which device or server a stuck task waits for, where the log or the lock names one.

Sources: include/linux/fs.h (struct super_block, sb_writers, SB_FREEZE_COMPLETE),
net/sunrpc/clnt.c (nfs: server ... not responding), block/blk-core.c, drivers/scsi,
drivers/nvme/host/{pci,core}.c, fs/ext4/super.c, fs/xfs/xfs_log.c.
"""

import re
from collections.abc import Mapping
from types import MappingProxyType

from vmtriage.analysis.inquiry.layout import member, size
from vmtriage.analysis.inquiry.memory import Memory
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

_WRITERS = member("super_block", "s_writers.rw_sem")
_FROZEN = member("super_block", "s_writers.frozen")
_ID = member("super_block", "s_id")
_TYPE = member("super_block", "s_type")
_TYPE_NAME = member("file_system_type", "name")
_SEMAPHORE = size("percpu_rw_semaphore")
_LEVELS, _COMPLETE = 3, 4  # SB_FREEZE_LEVELS, SB_FREEZE_COMPLETE
_NAME = re.compile(r"[\w.:-]{1,31}")


def frozen(memory: Memory, lock: int) -> Stuck | None:
    """The file system to whose writers a per-CPU semaphore belongs, if it is frozen.

    An int until 6.6, then an unsigned short: its low byte says the same.
    """
    layout = memory.layout
    layout.learn((_WRITERS, _FROZEN, _ID, _TYPE, _TYPE_NAME, _SEMAPHORE))
    inside, each = layout[_WRITERS], layout[_SEMAPHORE]
    for level in range(_LEVELS) if inside is not None and each else ():
        block = lock - (inside or 0) - level * (each or 0)
        state = memory.unsigned(block, _FROZEN, 1)
        if state is None or not level < state <= _COMPLETE:
            continue
        name = memory.text(memory.at(block, _ID), 32) or ""
        kind = memory.text(memory.pointer(memory.pointer(block, _TYPE), _TYPE_NAME), 32) or ""
        if _NAME.fullmatch(name) and _NAME.fullmatch(kind):
            return Stuck(kind="frozen", device=f"{name} ({kind})")
    return None


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
