"""Chains of tasks that wait for each other: pure, over what each of them waits for."""

from collections.abc import Mapping, Sequence

from vmtriage.models.waits import Certainty, ChainEnd, WaitChain, Waiting

_VICTIMS = 16


def chains(waiting: Mapping[int, Waiting], order: Sequence[int]) -> tuple[WaitChain, ...]:
    """One chain for each task (or deadlock) that others wait for, the one with most first.

    `order`: the tasks to begin with, the most telling first. A chain is the way of the first of
    them; the others that end in the same place are its victims too.
    """
    found: dict[frozenset[int], tuple[list[int], bool, list[int]]] = {}
    for task in order:
        way, cycle = _way(waiting, task)
        if len(way) < 2 and not cycle:
            continue
        end = frozenset(cycle or way[-1:])
        members = cycle or way
        _, _, victims = found.setdefault(end, (members, bool(cycle), []))
        if task not in victims and (cycle or task != way[-1]):
            victims.append(task)
    made = [_chain(waiting, *each) for each in found.values()]
    return tuple(sorted(made, key=lambda chain: -chain.waiters))


def _way(waiting: Mapping[int, Waiting], task: int) -> tuple[list[int], list[int]]:
    """From the task to the end; and the cycle, if it ends in one."""
    way: list[int] = []
    current: int | None = task
    while current is not None and current in waiting:
        if current in way:
            return way, way[way.index(current) :]
        way.append(current)
        current = owner_of(waiting[current])
    return way, []


def owner_of(link: Waiting) -> int | None:
    """The address of the task that holds what it waits for."""
    return int(link.owner.task, 16) if link.owner else None


def _chain(
    waiting: Mapping[int, Waiting], members: Sequence[int], cycle: bool, victims: Sequence[int]
) -> WaitChain:
    links = tuple(waiting[task] for task in members)
    steps = links if cycle else links[:-1]
    certainty: Certainty = "read" if all(link.certainty == "read" for link in steps) else "hint"
    return WaitChain(
        end="cycle" if cycle else _end(links[-1]), root=None if cycle else links[-1].task,
        links=links, certainty=certainty, waiters=len(victims),
        victims=tuple(waiting[task].task for task in victims[:_VICTIMS]),
    )  # fmt: skip


def _end(last: Waiting) -> ChainEnd:
    if last.kind == "running":
        return "running"
    if last.stuck is not None:
        return "io"
    if last.lock is not None or last.kind in ("mutex", "rwsem", "rt_mutex", "semaphore"):
        return "no_owner"
    if last.kind in ("completion", "percpu_rwsem"):
        return "no_owner"
    return "sleeping" if last.function else "unknown"
