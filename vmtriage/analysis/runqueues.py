"""What the run queues tell: who is throttled where, whose clock stands still, whose task is it."""

from collections import Counter
from collections.abc import Iterator, Sequence

from vmtriage.analysis.containers import identify
from vmtriage.models.evidence import Evidence, Facts
from vmtriage.models.finding import ClockLag, Throttled
from vmtriage.models.runqueue import ClockStamps, GroupRunQueue, QueuedTask, TaskGroup


def groups_of(queue: GroupRunQueue) -> Iterator[TaskGroup]:
    """Every group on this CPU, parents before children."""
    waiting = list(reversed(queue.groups))
    while waiting:
        group = waiting.pop()
        yield group
        waiting.extend(reversed(group.children))


def tasks_under(group: TaskGroup) -> Iterator[QueuedTask]:
    """Its tasks and those of its children."""
    yield from group.tasks
    for child in group.children:
        yield from tasks_under(child)


def _deepest_path(group: TaskGroup) -> str:
    """The path of the one line of groups below it: a YARN container's Docker child names more."""
    while len(group.children) == 1 and not group.tasks:
        group = group.children[0]
    return group.path


def throttled(facts: Facts) -> tuple[Throttled, ...] | None:
    """Throttled groups, most CPUs first; None when the run queues could not be read."""
    if facts.group_run_queues is None:
        return None
    queues = facts.group_run_queues.run_queues
    found: dict[tuple[str, str], list[tuple[int, TaskGroup]]] = {}
    for queue in queues:
        for group in groups_of(queue):
            if group.throttled:
                found.setdefault((group.path, group.kind), []).append((queue.cpu, group))
    rows = [_row(path, where, len(queues), facts.tasks_lost) for (path, _), where in found.items()]
    return tuple(sorted(rows, key=lambda row: (-len(row.cpus), row.path)))


def _row(
    path: str, where: Sequence[tuple[int, TaskGroup]], cpus_seen: int, tasks_lost: bool
) -> Throttled:
    first = where[0][1]
    tasks = [task for _, group in where for task in tasks_under(group)]
    comms = Counter(task.comm for task in tasks)
    ends = {_deepest_path(group) for _, group in where}
    deepest = max(ends, key=len)
    if not all(deepest == end or deepest.startswith(end + "/") for end in ends):
        deepest = path  # several children share the quota: the parent is what is throttled
    return Throttled(
        path=path,
        name=first.name or path,
        kind=first.kind,
        cpus=tuple(sorted({cpu for cpu, _ in where})),
        cpus_seen=cpus_seen,
        tasks=None if tasks_lost and not tasks else len(tasks),
        comms=tuple(name for name, _ in comms.most_common()),
        container=identify(deepest) or identify(path),
        evidence=tuple(
            Evidence(
                command="runq -g", line=group.line, text=f"<{group.name}> (THROTTLED)",
                says=f"throttled on CPU {cpu}",
            )
            for cpu, group in where
        ),
    )  # fmt: skip


def cgroup_of(facts: Facts, task: str | None, cpu: int | None) -> str | None:
    """The cgroup path under which this task stands on its CPU's run queue; None: not shown."""
    if facts.group_run_queues is None or task is None:
        return None
    for queue in facts.group_run_queues.run_queues:
        if cpu is not None and queue.cpu != cpu:
            continue
        for group in groups_of(queue):
            if any(each.task == task for each in group.tasks):
                return group.path
    return None


def clock_lag(clocks: ClockStamps | None) -> tuple[ClockLag, ...] | None:
    """CPUs by how far their run queue clock is behind the newest; None: not read."""
    if clocks is None:
        return None
    known = [(s.cpu, s.clock_ns) for s in clocks.stamps if s.clock_ns is not None]
    newest = max((clock for _, clock in known), default=0)
    rows = [
        ClockLag(cpu=cpu, clock_ns=clock, behind_s=round((newest - clock) / 1e9, 6))
        for cpu, clock in known
    ]
    return tuple(sorted(rows, key=lambda row: (-row.behind_s, row.cpu)))
