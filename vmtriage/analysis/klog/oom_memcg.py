"""The memory cgroup in an OOM report: whose limit, the counters, what it held.

Source: mm/memcontrol.c (mem_cgroup_print_oom_info) and mm/oom_kill.c (the `oom-kill:` line). Up to
4.18 `Task in /x killed as a result of limit of /y` names the groups, later the `oom-kill:` line.
"""

import re
from collections.abc import Sequence

from vmtriage.analysis.containers import identify
from vmtriage.models.details import MemcgCounter, MemcgStats, OomMemcg
from vmtriage.parsers.klog_line import Line

_KB = 1024
_STATS = 20  # groups below the one at its limit that are kept
# PAGE_COUNTER_MAX and its like: LONG_MAX bytes, cut down to a multiple of some page size
_NO_LIMIT = (1 << 63) - (1 << 21)
_N = r"[0-9]{1,19}"
_TASK_IN = re.compile(r"^Task in (?P<task>/.*?) killed as a result of limit of (?P<oom>/.*?)\s*$")
_GROUPS = re.compile(r",oom_memcg=(?P<oom>/.*?),task_memcg=(?P<task>/.*?),task=")
_TASK_GROUP = re.compile(r",task_memcg=(?P<task>/.*?),task=")
_COUNTER = re.compile(
    rf"^(?P<name>memory|memory\+swap|swap|kmem): usage (?P<usage>{_N})kB, limit (?P<limit>{_N})kB,"
    rf" failcnt (?P<failcnt>{_N})"
)
_PREFIX = "Memory cgroup stats for "
_OLD_HEAD = re.compile(rf"(?P<path>/.*?):? ?(?P<pairs>\w{{1,40}}:{_N}KB.*)$")
_NEW_HEAD = re.compile(rf"(?P<path>/.*?):(?P<pair>\w{{1,40}} {_N})?\s*$")
_OLD_PAIR = re.compile(rf"\b(\w{{1,40}}):({_N})KB")
_NEW_PAIR = re.compile(rf"\s*(\w{{1,40}}) ({_N})\s*")


def read(lines: Sequence[Line]) -> OomMemcg | None:
    """What was told of the group; None if nothing was."""
    oom, task = _paths(lines)
    counters = _counters(lines)
    stats = _stats(lines)
    if oom is None and task is None and not counters and not stats:
        return None
    # `panic_on_oom` prints no `oom-kill:` line; the stats begin with the group at its limit
    oom = oom or (stats[0].path if stats and counters else None)
    return OomMemcg(
        oom_path=oom,
        task_path=task,
        container=identify(oom) if oom else None,
        memory=counters.get("memory"),
        swap=counters.get("swap"),
        memory_and_swap=counters.get("memory+swap"),
        kmem=counters.get("kmem"),
        stats=stats,
    )


def _paths(lines: Sequence[Line]) -> tuple[str | None, str | None]:
    for line in lines:
        if found := _TASK_IN.match(line.text):
            return found["oom"], found["task"]
        if line.text.startswith("oom-kill:"):
            if found := _GROUPS.search(line.text):
                return found["oom"], found["task"]
            if found := _TASK_GROUP.search(line.text):  # global_oom: no group's limit
                return None, found["task"]
    return None, None


def _counters(lines: Sequence[Line]) -> dict[str, MemcgCounter]:
    counters: dict[str, MemcgCounter] = {}
    for line in lines:
        if "failcnt" in line.text and (found := _COUNTER.match(line.text)):
            limit = int(found["limit"]) * _KB
            free = limit >= _NO_LIMIT
            counter = MemcgCounter(
                usage=int(found["usage"]) * _KB,
                limit=None if free else limit,
                unlimited=free,
                failcnt=int(found["failcnt"]),
            )
            counters.setdefault(found["name"], counter)
    return counters


def _stats(lines: Sequence[Line]) -> tuple[MemcgStats, ...]:
    """Groups in their order. The old form has one line a group, the new one a line a number."""
    found: list[MemcgStats] = []
    for at, line in enumerate(lines):
        if len(found) >= _STATS:
            break
        body = line.text.removeprefix(_PREFIX)
        if body is line.text:
            continue
        if old := _OLD_HEAD.match(body):
            pairs = {name: int(kb) * _KB for name, kb in _OLD_PAIR.findall(old["pairs"])}
            found.append(_one(old["path"], line.number, pairs))
        elif new := _NEW_HEAD.match(body):
            pairs = _pair(new["pair"] or "")
            for each in lines[at + 1 :]:
                if not (pair := _pair(each.text)):
                    break
                pairs |= pair
            found.append(_one(new["path"], line.number, pairs))
    return tuple(found)


def _pair(text: str) -> dict[str, int]:
    found = _NEW_PAIR.fullmatch(text)
    return {found[1]: int(found[2])} if found else {}


def _one(path: str, line: int, pairs: dict[str, int]) -> MemcgStats:
    slabs = pairs.get("slab_reclaimable"), pairs.get("slab_unreclaimable")
    both = None if None in slabs else sum(each or 0 for each in slabs)
    return MemcgStats(
        path=path,
        anon=pairs.get("anon", pairs.get("rss")),
        file=pairs.get("file", pairs.get("cache")),
        shmem=pairs.get("shmem"),
        kernel=pairs.get("kernel"),
        slab=pairs.get("slab", both),
        swap=pairs.get("swap"),
        line=line,
    )
