"""The closed list of what may be typed into crash: its input is shell access.

Text read from a dump becomes part of a command only as a hex address that passed a pattern.
"""

import re
from dataclasses import dataclass

from vmtriage.errors import TriageError


@dataclass(frozen=True)
class CrashCommand:
    """One command line and the seconds it may take before it is interrupted."""

    text: str
    timeout_s: float = 120.0

    @property
    def file_name(self) -> str:
        """Where its output lies in a recorded session: `runq -g` -> `runq_-g.txt`."""
        return re.sub(r"[^\w.-]+", "_", self.text) + ".txt"


SYS = CrashCommand("sys", 60)
SET = CrashCommand("set", 60)
BT = CrashCommand("bt", 120)
BT_A = CrashCommand("bt -a", 300)
RUNQ = CrashCommand("runq", 120)
RUNQ_G = CrashCommand("runq -g", 300)
RUNQ_T = CrashCommand("runq -t", 60)
KMEM_I = CrashCommand("kmem -i", 300)
KMEM_S = CrashCommand("kmem -s", 600)
KMEM_V = CrashCommand("kmem -V", 60)
LOG = CrashCommand("log", 300)
PS = CrashCommand("ps", 300)
PS_M = CrashCommand("ps -m", 300)
MOD_T = CrashCommand("mod -t", 60)

# In the order of their worth: what names the culprit comes first, should crash die half-way.
PLAN = (SYS, SET, BT, LOG, RUNQ_G, RUNQ_T, BT_A, MOD_T, KMEM_I, KMEM_V, RUNQ, PS, PS_M, KMEM_S)

_HEX = re.compile(r"[0-9a-f]{8,16}")


# Where members of a task_struct lie; the answer is a pointer that counts from 0.
RUN_NODE = CrashCommand("p &((struct task_struct *)0)->se.run_node", 60)
MY_Q = CrashCommand("p &((struct task_struct *)0)->se.my_q", 60)
TASK_PID = CrashCommand("p &((struct task_struct *)0)->pid", 60)
TASK_COMM = CrashCommand("p &((struct task_struct *)0)->comm", 60)


def queued_on(cfs_rq: str, run_node: int) -> CrashCommand:
    """Addresses of the task_structs in the tree of a cfs_rq, without crash's task table."""
    if not _HEX.fullmatch(cfs_rq) or not 0 <= run_node < 1 << 16:
        raise TriageError(f"refused to put {cfs_rq!r} into a crash command: not a kernel address")
    return CrashCommand(f"tree -t rbtree -r cfs_rq.tasks_timeline -o {run_node:#x} {cfs_rq}", 30)


def bytes_at(task: str, offset: int, count: int) -> CrashCommand:
    """`count` bytes at an offset into the task_struct at this address."""
    if not _HEX.fullmatch(task) or not 0 <= offset < 1 << 16 or not 0 < count <= 64:
        raise TriageError(f"refused to put {task!r} into a crash command: not a kernel address")
    return CrashCommand(f"rd -8 {int(task, 16) + offset:x} {count}", 10)
