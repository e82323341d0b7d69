"""CFS bandwidth, by the scheduler's own task groups. Source: kernel/sched/sched.h."""

from collections.abc import Iterator
from dataclasses import dataclass

from drgn import Object, Program
from drgn.helpers.linux.cgroup import cgroup_path
from drgn.helpers.linux.cpumask import for_each_online_cpu
from drgn.helpers.linux.list import list_for_each_entry

_NO_QUOTA = 2**64 - 1  # RUNTIME_INF


@dataclass(frozen=True)
class ThrottledGroup:
    """A task group that some CPU has throttled. Times in nanoseconds."""

    path: str
    cpus: frozenset[int]
    quota: int | None
    period: int
    nr_throttled: int
    descendants: int  # task groups below it


def throttled_groups(prog: Program) -> tuple[ThrottledGroup, ...]:
    """Every group with a throttled run queue, by path."""
    cpus = list(for_each_online_cpu(prog))
    groups = list_for_each_entry("struct task_group", prog["task_groups"].address_of_(), "list")
    found = []
    for group in groups:
        where = frozenset(cpu for cpu in cpus if group.cfs_rq[cpu].throttled)
        if where:
            found.append(_row(group, where))
    return tuple(sorted(found, key=lambda row: row.path))


def _row(group: Object, cpus: frozenset[int]) -> ThrottledGroup:
    bandwidth = group.cfs_bandwidth
    quota = int(bandwidth.quota)
    return ThrottledGroup(
        path=cgroup_path(group.css.cgroup).decode(),
        cpus=cpus,
        quota=None if quota == _NO_QUOTA else quota,
        period=int(bandwidth.period),
        nr_throttled=int(bandwidth.nr_throttled),
        descendants=sum(1 for _ in _below(group)),
    )


def _below(group: Object) -> Iterator[Object]:
    children = group.children.address_of_()
    for child in list_for_each_entry("struct task_group", children, "siblings"):
        yield child
        yield from _below(child)
