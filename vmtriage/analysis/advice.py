"""What to switch on so that the next leak names who leaks: lines to paste, by the kernel's age.

Sources: mm/slub.c, mm/slab_common.c, mm/kmemleak.c, mm/page_owner.c, kernel-parameters.txt.
"""

import re
from collections.abc import Sequence

from vmtriage.analysis.leak import biggest_cache, find_leak
from vmtriage.models.answers import Answers
from vmtriage.models.evidence import Facts
from vmtriage.models.finding import Classification, CrashClass, Incident
from vmtriage.models.report import Culprit

_SLAB_DEBUG = (6, 9)  # slub_debug= got its new name, the old one still works
_DEBUGFS = (5, 14)  # alloc_calls of sysfs became alloc_traces of debugfs
_PAGE_OWNER = (3, 19)
_SLUB_FIRST = (3, 0)  # before, the distributions' kernels had SLAB, which knows no callers
_VERSION = re.compile(r"^(\d+)\.(\d+)")
_CACHE = re.compile(r"[A-Za-z0-9][\w.-]{0,60}")  # may be typed as it stands


def next_time(
    facts: Facts,
    classification: Classification,
    incidents: Sequence[Incident],
    culprit: Culprit | None,
    answers: Answers,
) -> tuple[str, ...]:
    """Steps that would name the one who asked for the memory; () where none is missing."""
    crash_class = classification.crash_class
    kernels = culprit is not None and culprit.kind in ("kernel", "module")
    if crash_class is CrashClass.OOM and not kernels:
        return ()
    if crash_class not in (CrashClass.OOM, CrashClass.MEMORY_LEAK) or culprit is None:
        return ()
    if any(each.leak for each in incidents):  # kmemleak runs, and has named them
        return ()
    if answers.slab_users is not None and answers.slab_users.users:
        return ()
    release = facts.system.release if facts.system else None
    found = _VERSION.match(release or "")
    version = (int(found[1]), int(found[2])) if found else None
    if crash_class is CrashClass.OOM and "slab" not in f"{culprit.name} {culprit.reason}":
        return _pages(version)
    leak = find_leak(facts)
    if leak is not None and leak.cache is None and "slab" not in leak.title:
        return _pages(version)
    return (*_slab(version, _cache(facts, incidents)), *_kmemleak())


def _cache(facts: Facts, incidents: Sequence[Incident]) -> str | None:
    """The cache to watch: of the dump, else the biggest of the last OOM report."""
    cache = biggest_cache(facts)
    name = cache.name if cache else None
    for each in incidents:
        if name is None and each.oom and each.oom.slabs:
            name = each.oom.slabs[0].name
    return name if name and _CACHE.fullmatch(name) else None


def _slab(version: tuple[int, int] | None, cache: str | None) -> tuple[str, ...]:
    if version is not None and version < _SLUB_FIRST:
        return (
            "Watch it grow: `watch -d 'slabtop -o -s c | head -20'`; a kernel this old has SLAB,"
            " which cannot name callers: use the distribution's debug kernel with kmemleak.",
        )
    option = "slab_debug" if version is not None and version >= _SLAB_DEBUG else "slub_debug"
    name = cache or "CACHE"
    if version is None or version >= _DEBUGFS:
        where = f"/sys/kernel/debug/slab/{name}/alloc_traces"
    else:
        where = f"/sys/kernel/slab/{name}/alloc_calls"
    return (
        f"To see who fills the cache, boot with `{option}=U,{name}`, then"
        f" `sort -rn {where} | head`.",
    )


def _kmemleak() -> tuple[str, ...]:
    return (
        "Or boot a kernel with CONFIG_DEBUG_KMEMLEAK (the distribution's debug kernel) and"
        " `kmemleak=on`, then `echo scan > /sys/kernel/debug/kmemleak;"
        " cat /sys/kernel/debug/kmemleak`.",
    )


def _pages(version: tuple[int, int] | None) -> tuple[str, ...]:
    if version is not None and version < _PAGE_OWNER:
        return ()
    return (
        "To see who takes whole pages, boot with `page_owner=on` (needs CONFIG_PAGE_OWNER), then"
        " `cat /sys/kernel/debug/page_owner > pages.txt` and sort it with the kernel's"
        " tools/mm/page_owner_sort (tools/vm before 6.3).",
    )
