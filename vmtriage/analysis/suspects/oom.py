"""Out of memory: who ate it. Never the one that asked for the last page, nor the victim as such."""

import re
from collections.abc import Iterator

from vmtriage.analysis.klog.oom_says import inside, reached, size
from vmtriage.analysis.suspects import oom_machine
from vmtriage.analysis.suspects.case import Case
from vmtriage.analysis.suspects.groups import identity
from vmtriage.analysis.suspects.oom_round import Round, row
from vmtriage.models.details import MemcgStats, OomMemcg, OomReport
from vmtriage.models.evidence import Evidence
from vmtriage.models.finding import CrashClass
from vmtriage.models.report import Culprit

_AT_LIMIT = 0.9  # the counter shows it
_BY_WORD = 0.8  # the kernel says whose limit it was, the counters are lost
_NAMELESS = 0.3  # a group was at its limit, and nothing tells which
_MOST = 0.5  # of what the group held: nobody else in it held as much


def out_of_memory(case: Case) -> Iterator[Culprit]:
    """The cgroup at its limit, or whatever held most of the machine's memory."""
    if case.classification.crash_class is not CrashClass.OOM:
        return
    told = [each for each in case.incidents if each.oom is not None]
    # the last round is the fatal one; a line without a table behind it belongs to another
    whole = [each for each in told if each.oom and (each.oom.tasks or each.oom.memory)]
    last = (whole or told)[-1] if told else None
    if last is None or last.oom is None or last.oom.by_hand:
        return
    later = (each.first_line for each in told if each.first_line > last.first_line)
    found = Round(case, last.oom, last.first_line, min(later, default=None))
    if last.oom.constraint == "memcg":
        yield from _limit(found)
    else:
        yield from oom_machine.suspects(found)


def _limit(told: Round) -> Iterator[Culprit]:
    """The group whose limit was reached, with what it held."""
    report = told.report
    memcg = report.memcg or OomMemcg()
    task = report.tasks[0] if report.tasks else None
    if memcg.oom_path is None:
        if task is not None:
            yield Culprit(
                kind="process", name=f"{task.comm} (pid {task.pid})", pid=task.pid,
                comms=(task.comm,), score=_NAMELESS,
                reason="the biggest task of a memory cgroup at its limit; the log does not say"
                " which cgroup",
                refuted_by="`log | grep oom_memcg=` or the limits in the container's definition",
                evidence=row(told, task.pid),
            )  # fmt: skip
        return
    limit = reached(memcg)
    usage = limit[0].usage if limit else None
    main = task is not None and task.rss is not None and task.rss >= _MOST * (usage or task.rss)
    says = "this memory cgroup could be given no more memory"
    if limit:
        at = f"{size(limit[0].usage)} used of {size(limit[0].limit or 0)}"
        says = f"this memory cgroup reached {limit[1]}: {at}"
    held = inside(report, memcg, limit[0] if limit else None)
    says += held
    if task is not None and f"task {task.comm}" not in held:
        says += f"; its biggest task is {task.comm} (pid {task.pid})"
    yield Culprit.model_validate(
        {
            **identity(memcg.oom_path, memcg.container),
            "pid": task.pid if task and main else None,
            "comms": (task.comm,) if task else (),
            "score": _AT_LIMIT if limit else _BY_WORD,
            "reason": says,
            "refuted_by": "a limit below what the work needs: compare memory.max (cgroup v1:"
            " memory.limit_in_bytes) with the usage before;"
            ' `log | grep "Memory cgroup stats for"` shows kernel memory and tmpfs in it',
            "evidence": [*_evidence(told, memcg), *(row(told, task.pid) if task else ())],
        }
    )  # fmt: skip


def _evidence(told: Round, memcg: OomMemcg) -> Iterator[Evidence]:
    path = memcg.oom_path or ""
    named = r"(?:oom_memcg=|as a result of limit of |Memory cgroup stats for )%s(?=[,: ]|$)"
    yield from told.quote(named % re.escape(path), "the memory cgroup that reached its limit")
    yield from told.quote(r"^(?:memory|memory\+swap|kmem): usage", "its usage and its limit")
    child = _child(told.report, memcg)
    if child is not None:
        says = f"the group below it that held most: {child}"
        yield from told.quote(
            rf"(?:task_memcg=|^Task in |Memory cgroup stats for ){re.escape(child)}(?=[,: ]|$)",
            says,
        )


def _child(report: OomReport, memcg: OomMemcg) -> str | None:
    """The group below the limited one that the memory lies in."""
    task, victim = (report.tasks[0] if report.tasks else None), report.victim
    if task and victim and task.pid == victim.pid and memcg.task_path != memcg.oom_path:
        return memcg.task_path
    below = [each for each in memcg.stats if each.path != memcg.oom_path]
    biggest = max(below, key=_held, default=None)
    whole = sum(map(_held, memcg.stats))
    return biggest.path if biggest and whole and _held(biggest) >= _MOST * whole else None


def _held(stats: MemcgStats) -> int:
    return (stats.anon or 0) + (stats.file or 0) + (stats.kernel or stats.slab or 0)
