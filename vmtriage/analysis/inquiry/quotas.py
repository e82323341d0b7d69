"""CPU quotas in kernel memory: struct cfs_bandwidth and the queues it throttles.

Sources: kernel/sched/sched.h (struct cfs_bandwidth, struct cfs_rq, struct task_group),
kernel/sched/fair.c, kernel/sched/core.c (tg_set_cfs_bandwidth, BW_SHIFT).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from vmtriage.analysis.containers import identify
from vmtriage.analysis.inquiry.cgroups import Cgroups
from vmtriage.analysis.inquiry.layout import member
from vmtriage.analysis.inquiry.scene import Reach, Scene
from vmtriage.analysis.inquiry.span import Number, Span
from vmtriage.analysis.runqueues import groups_of, tasks_under
from vmtriage.models.container import Container
from vmtriage.models.lockup import CpuBandwidth, GroupBandwidth
from vmtriage.models.runqueue import TaskGroup

POOL = member("task_group", "cfs_bandwidth")
CGROUP = member("task_group", "css.cgroup")
_CHILDREN = member("task_group", "children")
_THROTTLED_QUEUES = member("cfs_bandwidth", "throttled_cfs_rq")
_POOL = {
    "period": Number(member("cfs_bandwidth", "period")),
    "quota": Number(member("cfs_bandwidth", "quota"), signed=True),
    "runtime": Number(member("cfs_bandwidth", "runtime"), signed=True),
    "burst": Number(member("cfs_bandwidth", "burst")),  # 5.14
    # hierarchal before 4.4
    "ratio": Number(member("cfs_bandwidth", "hierarchical_quota", "hierarchal_quota"), signed=True),
    "nr_periods": Number(member("cfs_bandwidth", "nr_periods"), 4),
    "nr_throttled": Number(member("cfs_bandwidth", "nr_throttled"), 4),
    "throttled_time": Number(member("cfs_bandwidth", "throttled_time")),
}
_QUEUE = {
    "remaining": Number(member("cfs_rq", "runtime_remaining"), signed=True),
    "throttled": Number(member("cfs_rq", "throttled"), 4, signed=True),
    "count": Number(member("cfs_rq", "throttle_count"), 4, signed=True),
}
MEMBERS = (
    POOL, CGROUP, _CHILDREN, _THROTTLED_QUEUES,
    *(each.where for each in (*_POOL.values(), *_QUEUE.values())),
)  # fmt: skip
_BW_UNIT = 1 << 20  # one CPU, in what to_ratio() makes
_LONGEST_LIST = 256


@dataclass
class SeenGroup:
    """One task group as `runq -g` shows it on all CPUs."""

    task_group: int
    shown_as: str
    named: bool = True
    on_cpus: list[tuple[int, TaskGroup]] = field(default_factory=list)

    @property
    def throttled_on(self) -> int:
        """How many CPUs crash marks it on."""
        return sum(group.throttled for _, group in self.on_cpus)


def seen_groups(scene: Scene) -> dict[int, SeenGroup]:
    """Every CFS group on a run queue, by the address of its task_group."""
    found: dict[int, SeenGroup] = {}
    queues = scene.facts.group_run_queues
    for queue in queues.run_queues if queues else ():
        for group in groups_of(queue):
            if group.kind == "cfs" and group.cfs_rq is not None:
                address = int(group.task_group, 16)
                seen = found.setdefault(address, SeenGroup(address, group.path))
                seen.named = seen.named and "(unnamed)" not in group.path
                seen.on_cpus.append((queue.cpu, group))
    return found


class Quotas:
    """Reads quotas; knows the paths of the groups they belong to."""

    def __init__(self, reach: Reach) -> None:
        self._memory = reach.memory
        self._cgroups = Cgroups(reach.memory)
        self._pool, self._queue = Span(reach.memory, _POOL), Span(reach.memory, _QUEUE)

    def prefetch(self, groups: Sequence[SeenGroup]) -> None:
        """Reads all that `of` will look at with two waits."""
        offset = self._memory.layout[POOL]
        if offset is not None:
            self._pool.prefetch(each.task_group + offset for each in groups)
        self._queue.prefetch(
            int(group.cfs_rq or "0", 16) for each in groups for _, group in each.on_cpus
        )

    def path(self, task_group: int) -> str | None:
        """Its cgroup's path; None: unreadable, or an autogroup, which has none."""
        cgroup = self._memory.pointer(task_group, CGROUP)
        return self._cgroups.path(cgroup) if cgroup else None

    def of(self, group: SeenGroup, container: Container | None = None) -> GroupBandwidth | None:
        """None: nothing of it could be read. `container`: as its children's names tell it."""
        memory = self._memory
        pool = memory.at(group.task_group, POOL)
        path = self.path(group.task_group)
        read = self._pool.of(pool) if pool else dict.fromkeys(_POOL)
        if path is None and all(value is None for value in read.values()):
            return None
        quota, period, ratio = read["quota"], read["period"], read["ratio"]
        limited = quota is not None and quota > 0 and period is not None and period > 0
        known = path or (group.shown_as if group.named else None)
        return GroupBandwidth(
            task_group=f"{group.task_group:x}", path=known, shown_as=group.shown_as or None,
            container=container or (identify(known) if known else None),
            quota_ns=quota, period_ns=period, burst_ns=read["burst"],
            cpus_allowed=round(quota / period, 3) if limited and quota and period else None,
            hierarchical_cpus=round(ratio / _BW_UNIT, 3) if ratio and ratio > 0 else None,
            runtime_ns=read["runtime"], nr_periods=read["nr_periods"],
            nr_throttled=read["nr_throttled"], throttled_time_ns=read["throttled_time"],
            waiting_queues=self._length(memory.at(pool, _THROTTLED_QUEUES)),
            child_groups=self._length(memory.at(group.task_group, _CHILDREN)),
            tasks=len({t.task for _, each in group.on_cpus for t in tasks_under(each)}),
            cpus=tuple(self._on_cpu(cpu, each) for cpu, each in group.on_cpus),
        )  # fmt: skip

    def _on_cpu(self, cpu: int, group: TaskGroup) -> CpuBandwidth:
        read = self._queue.of(int(group.cfs_rq or "0", 16))
        throttled = read["throttled"]
        return CpuBandwidth(
            cpu=cpu, cfs_rq=group.cfs_rq or "0", throttle_count=read["count"],
            throttled=None if throttled is None else throttled != 0,
            runtime_remaining_ns=read["remaining"],
        )  # fmt: skip

    def _length(self, head: int | None) -> int | None:
        if head is None or self._memory.word(head) is None:
            return None
        return sum(1 for _ in self._memory.linked(head, _LONGEST_LIST))
