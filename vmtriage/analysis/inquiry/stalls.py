"""What a task waits for, by the functions on its stack; where on the stack its waiter must lie.

Sources: kernel/locking/{mutex,rwsem,semaphore,percpu-rwsem,rtmutex,ww_mutex}.c,
kernel/sched/{completion,wait_bit,core}.c, mm/filemap.c, kernel/{workqueue,kthread}.c.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from vmtriage.analysis import anchors, plumbing, skip
from vmtriage.analysis.klog import blame
from vmtriage.analysis.klog.frames import Found
from vmtriage.models.backtrace import Backtrace, Frame
from vmtriage.models.waits import StuckKind, WaitKind

_SCHEDULING = re.compile(
    r"_{0,3}(?:schedule|preempt_schedule|io_schedule)\w*|context_switch|__switch_to|msleep\w*"
    r"|usleep_range\w*"
)
_WAITS: tuple[tuple[WaitKind, re.Pattern[str]], ...] = (
    ("rt_mutex", re.compile(
        r"_{0,2}rt_mutex_(?:slow)?lock\w*|rtlock_slowlock\w*|rwbase_(?:read|write)_lock\w*"
        r"|rt_mutex_wait_proxy_lock|rt_spin_lock\w*|task_blocks_on_rt_mutex")),
    ("mutex", re.compile(r"_{0,2}(?:ww_)?mutex_lock\w*")),
    ("percpu_rwsem", re.compile(r"percpu_rwsem_wait|_{0,2}percpu_down_(?:read|write)\w*")),
    ("rwsem", re.compile(
        r"(?:call_)?rwsem_down_\w+|_{0,2}down_(?:read|write)(?:_\w+)?|_{0,2}rwsem_wait\w*")),
    ("semaphore", re.compile(r"_{0,3}down(?:_(?:common|interruptible|killable|timeout))?")),
    ("completion", re.compile(
        r"_{0,2}(?:do_)?wait_for_common(?:_io)?|_{0,2}wait_for_completion\w*")),
    ("page", re.compile(
        r"folio_wait_\w+|_{0,2}folio_lock\w*|_{0,2}lock_page\w*|wait_on_page\w*"
        r"|sleep_on_page\w*")),
    ("bit", re.compile(
        r"_{0,2}(?:out_of_line_)?wait_on_bit\w*|bit_wait\w*|\w+_wait_bit_killable\w*"
        r"|_{0,2}wait_on_buffer|sleep_on_buffer|inode_wait|_{0,2}wait_on_inode")),
)  # fmt: skip
_STUCK: tuple[tuple[StuckKind, re.Pattern[str]], ...] = (
    ("frozen", re.compile(r"_{0,2}sb_start_(?:write|pagefault|intwrite)\w*")),
    ("nfs", re.compile(r"nfs[34d]?_\w+|rpc_\w+|xprt_\w+")),
    ("filesystem", re.compile(
        r"jbd2_\w+|start_this_handle|xlog_\w+|xfs_log_\w+|xfs_buf_\w+|btrfs_wait\w+")),
    ("block", re.compile(
        r"submit_bio\w*|blk_\w+|_{0,2}blkdev_\w+|rq_qos_wait|wbt_wait|dm_\w+|nvme_\w+|scsi_\w+"
        r"|bdev_\w+|_{0,2}bread\w*|sync_dirty_buffer|dio_\w+|_{0,2}iomap_dio\w*")),
)  # fmt: skip
_FOR_IO: frozenset[WaitKind] = frozenset({"io", "page", "bit", "completion"})
_IDLE_THREADS = frozenset(
    {"worker_thread", "rescuer_thread", "rcu_gp_kthread", "rcu_gp_fqs_loop", "rcu_tasks_kthread",
     "rcu_tasks_one_gp"}
)  # fmt: skip
_IDLE = "an idle kernel thread (TASK_IDLE), which this crash counts as UN"
_NEW = "a kernel thread that was made and not yet started"


@dataclass(frozen=True)
class Stall:
    """How a task waits. Frames `first` to `last` are the waiting functions; -1: none."""

    kind: WaitKind
    access: Literal["read", "write"] | None = None
    function: str | None = None
    module: str | None = None
    significant: tuple[str, ...] = ()
    stuck: StuckKind | None = None
    normal: str = ""
    first: int = -1
    last: int = -1


def stall_of(stack: Backtrace, running: bool = False) -> Stall:
    """What the stack shows, innermost frame first."""
    frames = tuple(f for f in stack.frames if f.reliable)
    names = [plumbing.base_name(frame.function) for frame in frames]
    said = [name for name in names if not _says_nothing(name)]
    guilty = blame.wait(tuple(Found(f.function, f.module, f.reliable) for f in frames))
    function = guilty.name if guilty else None
    module = guilty.module if guilty else None
    if running:
        first_said = next((f for f in frames if not _says_nothing(f.function)), None)
        function = plumbing.base_name(first_said.function) if first_said else function
        module = first_said.module if first_said else module
        return Stall("running", function=function, module=module, significant=tuple(said))
    start = next((i for i, name in enumerate(names) if not _SCHEDULING.fullmatch(name)), len(names))
    kind, last = _kind(names, start)
    return Stall(
        kind=kind, access=_access(names[start : last + 1]) if kind == "rwsem" else None,
        function=function, module=module, significant=tuple(said),
        stuck=_stuck(names[start:], kind), normal=_normal(names, start),
        first=start if last >= start else -1, last=last,
    )  # fmt: skip


def places(stack: Backtrace, stall: Stall) -> tuple[tuple[int, int], ...]:
    """Where the waiter lies: from address up to address, the likely place first."""
    at = [_address(frame) for frame in stack.frames if frame.reliable]
    known = [address for address in at if address is not None]
    if stall.first < 0 or not known:
        return ()
    # crash shows a frame at its return address: its variables lie above, below its caller's
    low = at[stall.first]
    after = [address for address in at[stall.last + 1 : stall.last + 3] if address is not None]
    whole = (known[0], max(known))
    near = (low, after[-1]) if low is not None and after else whole
    return tuple(dict.fromkeys(each for each in (near, whole) if each[0] < each[1]))


def _kind(names: Sequence[str], start: int) -> tuple[WaitKind, int]:
    """And the index of the last waiting function."""
    kind: WaitKind | None = None
    last = start - 1
    for index in range(start, len(names)):
        found = next((k for k, form in _WAITS if form.fullmatch(names[index])), None)
        if found is None:
            break
        kind, last = kind or found, index
    if kind is not None:
        return kind, last
    above = names[:start]
    if any(name.startswith("io_schedule") for name in above):
        return "io", last
    timed = any(name.startswith(("schedule_timeout", "msleep", "usleep")) for name in above)
    return ("sleep" if timed else "other"), -1


def _access(names: Sequence[str]) -> Literal["read", "write"] | None:
    told = next((each for name in names for each in ("read", "write") if each in name), None)
    return "read" if told == "read" else "write" if told else None


def _stuck(names: Sequence[str], kind: WaitKind) -> StuckKind | None:
    for what, form in _STUCK:
        if any(form.fullmatch(name) for name in names):
            if what == "frozen":
                return what if kind in ("percpu_rwsem", "rwsem", "other") else None
            return what if kind in _FOR_IO or (kind == "other" and what != "block") else None
    return "block" if kind in ("io", "page") else None


def _normal(names: Sequence[str], start: int) -> str:
    """A thread of the kernel that has nothing to do; only where its own loop called schedule."""
    caller = names[start] if start < len(names) else ""
    if caller in _IDLE_THREADS:
        return _IDLE
    return _NEW if caller == "kthread" else ""


def _says_nothing(name: str) -> bool:
    plain = plumbing.base_name(name)
    return skip.carries(plain) or skip.passes(plain) or anchors.only_waits(plain)


def _address(frame: Frame) -> int | None:
    return int(frame.stack, 16) if frame.stack else None
