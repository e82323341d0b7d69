"""Hung tasks: the one that others wait for, as far as the stacks in the log show it."""

from collections.abc import Sequence

from vmtriage.analysis import anchors, plumbing, skip
from vmtriage.models.finding import CrashClass, Incident

# System calls end in the same few functions, whoever makes them.
_COMMON = frozenset(
    {"vfs_write", "ksys_write", "vfs_read", "ksys_read", "full_proxy_write", "new_sync_write",
     "vfs_ioctl", "do_sys_open", "do_sys_openat2", "path_openat", "do_filp_open"}
)  # fmt: skip


def waits_for_a_lock(incident: Incident) -> bool:
    """Whether the task's stack goes through a lock."""
    return not plumbing.LOCKING.isdisjoint(incident.trace)


def related(owner: Incident, waiter: Incident) -> bool:
    """Both stacks pass through a function that says something."""
    shared = set(owner.trace) & set(waiter.trace)
    return any(_says(name) for name in shared)


def owner(waiter: Incident, incidents: Sequence[Incident]) -> Incident | None:
    """A hung task in the same code that does not wait for a lock: it probably holds it."""
    if waiter.crash_class is not CrashClass.HUNG_TASK or not waits_for_a_lock(waiter):
        return None
    others = (
        each
        for each in incidents
        if each.crash_class is CrashClass.HUNG_TASK and each.trace and not waits_for_a_lock(each)
    )
    return next((each for each in others if related(each, waiter)), None)


def _says(name: str) -> bool:
    common = name in _COMMON or name in plumbing.CARRIERS or anchors.hands_over(name)
    return not (common or skip.carries(name) or skip.passes(name))
