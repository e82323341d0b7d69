"""The closed list of what may be typed into crash: its input is shell access.

Text read from a dump becomes part of a command only as a hex address that passed a pattern.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from vmtriage.errors import TriageError


@dataclass(frozen=True)
class CrashCommand:
    """One command line; the seconds it may take and the bytes it may answer with.

    small: one of hundreds of short questions, which share a file of a recorded session.
    """

    text: str
    timeout_s: float = 120.0
    small: bool = False

    @property
    def max_bytes(self) -> int:
        """Where an answer becomes a flood: a log is 32 MB at most, a read of memory 0.2."""
        return 2 << 20 if self.small else 64 << 20

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

BLOCKED_STACKS = CrashCommand("foreach UN bt", 120)

_STRUCT = re.compile(r"[a-z_][a-z0-9_]{1,40}")  # of a structure or a symbol
_MEMBER = re.compile(r"[a-z_][a-z0-9_.]{0,60}")
_ENUMERATOR = re.compile(r"_[A-Z][A-Z0-9_]{1,40}")
_NULL = re.compile(r"\(\(struct \w+ \*\)0\)")
_SHARED = re.compile(r"\(\$s=(\(struct \w+ \*\)0)\)")
_HEX = re.compile(r"[0-9a-f]{8,16}")
_MODULE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_FILE = re.compile(r"/[A-Za-z0-9_./+:@~-]{1,800}")
MAX_READ = 32768
MAX_LINE = 1000  # characters; crash cuts a longer line


def offset(struct: str, member: str) -> str:
    """The expression that says where a member lies; `numbers` asks for it."""
    if not _STRUCT.fullmatch(struct) or not _MEMBER.fullmatch(member):
        raise _refused(f"{struct}.{member}", "a member's name")
    return f"(long)&((struct {struct} *)0)->{member}"


def size_of(struct: str, member: str = "") -> str:
    """The expression that says how large a structure or its member is, in bytes."""
    if not member:
        if not _STRUCT.fullmatch(struct):
            raise _refused(struct, "a structure's name")
        return f"(long)sizeof(struct {struct})"
    return f"(long)sizeof({offset(struct, member).removeprefix('(long)&')})"


def enumerator(name: str) -> str:
    """The expression that says what an enumerator stands for."""
    if not _ENUMERATOR.fullmatch(name):
        raise _refused(name, "an enumerator's name")
    return f"(long){name}"


def numbers(expressions: Sequence[str]) -> CrashCommand:
    """What `offset`, `size_of` and `enumerator` made, all in one question. One that the
    namelist does not know spoils the whole answer.

    gdb looks for a structure's name through all it has, so neighbours of one structure share it.
    """
    told, last = [], ""
    for each in expressions:
        null = match[0] if (match := _NULL.search(each)) else ""
        kept = "$s" if null == last else f"($s={null[1:-1]})"
        told.append(each.replace(null, kept) if null and "sizeof" not in each else each)
        last = null if "sizeof" not in each else ""
    return CrashCommand(f"p {{{', '.join(told)}}}", 60, small=True)


def expressions_of(text: str) -> list[str]:
    """What `numbers` was given, by the command it made."""
    found, null = [], ""
    for each in text.removeprefix("p {").removesuffix("}").split(", "):
        if match := _SHARED.search(each):
            null = f"({match[1]})"
        found.append(each.replace(match[0], null) if match else each.replace("$s", null))
    return found


def queued_on(cfs_rq: str, run_node: int) -> CrashCommand:
    """Addresses of the task_structs in the tree of a cfs_rq, without crash's task table."""
    if not _HEX.fullmatch(cfs_rq) or not 0 <= run_node < 1 << 16:
        raise _refused(cfs_rq, "a kernel address")
    return CrashCommand(
        f"tree -t rbtree -r cfs_rq.tasks_timeline -o {run_node:#x} {cfs_rq}", 30, small=True
    )


def bytes_at(address: int, count: int) -> CrashCommand:
    """`count` bytes of kernel memory."""
    if not 0 < address < 1 << 64 or not 0 < count <= MAX_READ:
        raise _refused(f"{address:#x}, {count}", "a kernel address and a size")
    return CrashCommand(f"rd -8 {address:x} {count}", 10, small=True)


def stack_of(task: int) -> CrashCommand:
    """The stack of one task, by the address of its task_struct."""
    if not 0 < task < 1 << 64:
        raise _refused(f"{task:#x}", "a kernel address")
    return CrashCommand(f"bt {task:x}", 20, small=True)


def symbol_at(address: int) -> CrashCommand:
    """The symbol an address belongs to."""
    if not 0 < address < 1 << 64:
        raise _refused(f"{address:#x}", "a kernel address")
    return CrashCommand(f"sym {address:x}", 10, small=True)


def instruction_at(address: int) -> CrashCommand:
    """The instruction that stands at an address."""
    if not 0 < address < 1 << 64:
        raise _refused(f"{address:#x}", "a kernel address")
    return CrashCommand(f"dis {address:x} 1", 10, small=True)


def memory_of(address: int) -> CrashCommand:
    """What an address belongs to. Small numbers are refused: crash takes them for physical."""
    if not 1 << 31 <= address < 1 << 64:
        raise _refused(f"{address:#x}", "a kernel address")
    return CrashCommand(f"kmem {address:x}", 5, small=True)


def load_module(name: str, file: str) -> CrashCommand | None:
    """Debuginfo of a loaded module. None where name or path has what crash may take for more."""
    if not _MODULE.fullmatch(name) or not _FILE.fullmatch(file):
        return None
    return CrashCommand(f"mod -s {name} {file}", 20, small=True)


def symbol_named(name: str) -> CrashCommand:
    """Where a symbol lies; its name is one of ours, not of the dump."""
    if not _STRUCT.fullmatch(name):
        raise _refused(name, "a symbol's name")
    return CrashCommand(f"sym {name}", 10, small=True)


def _refused(text: str, what: str) -> TriageError:
    return TriageError(f"refused to put {text!r} into a crash command: not {what}")
