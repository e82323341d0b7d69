"""Suspects of a memory leak: who asked for it by kmemleak, by the cache's own record of its
callers, else the cache it lies in.

No task is a suspect here: what a task holds goes when it dies, what leaked stays.
"""

import re
from collections.abc import Iterator

from vmtriage.analysis.klog.leaks import LeakGroups
from vmtriage.analysis.klog.oom_says import size
from vmtriage.analysis.leak import Leak, cache_row, cache_size, find_leak
from vmtriage.analysis.suspects import quotes
from vmtriage.analysis.suspects.case import Case
from vmtriage.analysis.suspects.modules import owner_of_cache
from vmtriage.models.details import LeakGroup
from vmtriage.models.evidence import Evidence
from vmtriage.models.finding import CrashClass
from vmtriage.models.memory import SlabCache
from vmtriage.models.report import Culprit
from vmtriage.parsers.klog_line import Line

_THIRD, _MOST = 1 / 3, 0.5
# kmemleak names the caller that asked for memory nobody points to. It errs on single objects
# (a pointer in a place it does not scan), hardly on many of one stack.
_MANY, _MUCH = 10, 1 << 20  # objects, bytes
_NAMED, _FEW = 0.85, 0.5
_NOT_ALL = 0.01  # of the leak: less is another, smaller one
_SMALL = 0.45
_TOLD = 2  # of kmemleak's names
# A cache says where the memory lies, seldom who asked for it. Below a third of RAM, a third, half.
_CACHE = (0.4, 0.45, 0.5)
_BEARS = 0.2  # more, where a foreign module bears the cache's name
_IN_TREE = 0.1
# The cache's record of who called; a sample, and a caller may be a helper that many use.
_NEARLY_ALL, _SAMPLE = 0.8, 20  # share, objects
_PLAIN = re.compile(r"[A-Za-z0-9][\w.-]{0,60}")
_NEXT = "kmemleak or slub_debug=U on the next run, which name the caller (see the next steps)"


def leaked(case: Case) -> Iterator[Culprit]:
    """Who asked, by kmemleak's reports; the cache, table or stack that the memory lies in."""
    if case.classification.crash_class is not CrashClass.MEMORY_LEAK:
        return
    leak = find_leak(case.facts)
    yield from _by_kmemleak(case, leak)
    if leak is not None and leak.cache is not None:
        yield from _by_callers(case, leak, leak.cache)
    if leak is not None and leak.cache is not None:
        yield _by_cache(case, leak)
    elif leak is not None:
        yield Culprit(
            kind="kernel", name=leak.title.split(" hold")[0], score=_CACHE[0],
            reason=f"{leak.title}; the dump does not say who asked for it",
            refuted_by=f"`kmem -V`, `kmem -s`: a bigger part elsewhere; {_NEXT}",
            evidence=leak.evidence,
        )  # fmt: skip


def _by_kmemleak(case: Case, leak: Leak | None) -> Iterator[Culprit]:
    """The callers that leaked most, each once: by module, or by function of the kernel."""
    if case.facts.log is None or not any(each.leak for each in case.incidents):
        return
    groups = LeakGroups()
    groups.add(Line(r.line, r.text, r.time_s, r.level, r.caller) for r in case.facts.log.records)
    sums: dict[tuple[str, str], list[LeakGroup]] = {}
    for each in groups.groups():
        if each.function is not None:
            name = each.module or f"{each.function}()"
            sums.setdefault(("module" if each.module else "kernel", name), []).append(each)
    order = sorted(sums.items(), key=lambda row: -sum(each.size for each in row[1]))
    for (kind, name), rows in order[:_TOLD]:
        objects, held = sum(each.objects for each in rows), sum(each.size for each in rows)
        score = _NAMED if objects >= _MANY or held >= _MUCH else _FEW
        if leak is not None and held < _NOT_ALL * leak.size:
            score = min(score, _SMALL)
        if held < _MOST * groups.size:  # others leak as well
            score = min(score, _FEW)
        first = rows[0]
        where = f"{first.function}" + (f" [{first.module}]" if first.module else "")
        yield Culprit.model_validate(
            {
                "kind": kind, "name": name, "score": score,
                "reason": f"kmemleak found {objects} object{'s' * (objects > 1)} ({size(held)})"
                f" that {where} asked for and nobody points to any more",
                "refuted_by": "`echo scan > /sys/kernel/debug/kmemleak; cat"
                " /sys/kernel/debug/kmemleak` twice on the running machine: objects that are gone"
                " the second time, or a count that does not grow",
                "evidence": [
                    quotes.line(case, number, "an object nobody points to")
                    for number in first.first_lines[:2]
                ],
            }
        )  # fmt: skip


def _by_callers(case: Case, leak: Leak, cache: SlabCache) -> Iterator[Culprit]:
    """The one caller of nearly all objects that were sampled."""
    told = case.answers.slab_users
    first = told.users[0] if told is not None and told.users else None
    if told is None or first is None or told.cache != cache.name:
        return
    if first.share < _NEARLY_ALL or first.count < _SAMPLE:
        return
    score = _NAMED if first.module else _FEW
    if told.reclaimable or cache_size(cache) < _MOST * leak.size:
        score = min(score, _FEW)
    typed = cache.name if _PLAIN.fullmatch(cache.name) else "CACHE"
    of = f" [{first.module}]" if first.module else ""
    says = f"allocated by {first.function}{of}, by the track behind the object"
    doubt = "" if first.module else f"; whoever called {first.function} may have lost them"
    if told.reclaimable:
        doubt += "; the kernel can give such objects back, so this may be use and no leak"
    yield Culprit(
        kind="module" if first.module else "kernel",
        name=first.module or f"{first.function}()",
        score=score,
        reason=f"{first.function}{of} allocated {first.count} of {told.objects_sampled} objects"
        f" sampled from {told.slabs_sampled} slabs of the cache {cache.name}, which holds"
        f" {cache_size(cache) / leak.size * leak.share:.0%} of memory{doubt}",
        refuted_by=f"`sort -rn /sys/kernel/debug/slab/{typed}/alloc_traces | head` (before 5.14"
        f" /sys/kernel/slab/{typed}/alloc_calls) on the running machine: another caller has more,"
        f" or the count does not grow; in the dump `kmem -S {typed}` lists the"
        " objects, `rd -s` as far behind each shows its caller",
        evidence=(
            Evidence(command=f"rd -s {first.track}", line=0,
                     text=f"{first.caller}: {first.function}", says=says),
            cache_row(cache, "the cache that holds the memory"),
        ),
    )  # fmt: skip


def _by_cache(case: Case, leak: Leak) -> Culprit:
    cache = leak.cache
    assert cache is not None
    share = cache_size(cache) / leak.size * leak.share if leak.size else 0.0
    owner, tainting = owner_of_cache(case, cache.name)
    score = _CACHE[(share >= _THIRD) + (share >= _MOST)]
    evidence: list[Evidence] = [cache_row(cache, "the cache that holds the memory"), *tainting]
    counters = [each for each in leak.evidence if each.command == "kmem -V"]
    if owner is not None:
        return Culprit(
            kind="module", name=owner,
            score=round(score + (_BEARS if tainting else _IN_TREE), 2),
            reason=f"slab cache {cache.name} holds {share:.0%} of memory and bears the module's"
            " name",
            refuted_by=f"another module that allocates from this cache; {_NEXT}",
            evidence=(*evidence, *counters),
        )  # fmt: skip
    return Culprit(
        kind="kernel", name=f"slab cache {cache.name}", score=score,
        reason=f"{share:.0%} of memory lies in this cache; the dump does not say who asked for it,"
        " and no task can have kept it",
        refuted_by=f"`kmem -s`: another cache that holds more; {_NEXT}",
        evidence=(*evidence, *counters),
    )  # fmt: skip
