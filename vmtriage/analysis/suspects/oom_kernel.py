"""Out of memory, and no task holds it: slab, tmpfs, page tables, huge pages, pages of nobody."""

import re
from collections.abc import Iterator

from vmtriage.analysis.klog.oom_says import size
from vmtriage.analysis.leak import biggest_cache
from vmtriage.analysis.suspects.modules import owner_of_cache
from vmtriage.analysis.suspects.oom_round import Round
from vmtriage.models.details import OomMemory
from vmtriage.models.evidence import Evidence
from vmtriage.models.report import Culprit

THIRD = 1 / 3  # less explains no shortage: two others may have held as much
MOST = 0.5  # more than all others together
KERNEL = (0.6, 0.75)  # a third, half: no workload needs so much of the kernel's own memory
_OWNED = 0.1  # more, where a module bears the cache's name
_SHARED = (0.55, 0.7)  # a third, half: files in memory and tables belong to some task
_SET_ASIDE = (0.55, 0.7)  # a third, half: somebody configured it, perhaps with reason
_NOBODYS = 0.45  # what is left when all counters are added up: a hint, no measurement
_PAGES_OF_NOBODY = (
    "`kmem -v` (vmalloc areas), `mod` (a balloon driver took them for the hypervisor), or"
    " page_owner=on on the next run, which names who allocated them"
)

Held = tuple[float, Culprit]


def kernel_memory(told: Round, whole: int) -> Iterator[Held]:
    """Each part of memory that is no task's own, with its share; a third at least."""
    memory = told.report.memory
    if memory is None:
        return
    yield from _slab(told, memory, whole)
    rows = (
        ("shared memory and tmpfs", memory.shmem, "shmem:", _SHARED,
         "files in tmpfs or shared memory segments: they stay when tasks die",
         "`mount | grep tmpfs` and `ipcs -m` in crash: a small tmpfs and no segments;"
         " `df -t tmpfs` and `ipcs -mp` on a running twin"),
        ("page tables", memory.pagetables, "pagetables:", _SHARED,
         "many tasks that map the same large memory, or a leak of tables",
         "`ps -G -t`: few tasks with small VSZ; huge pages already in use (`kmem -h`)"),
        ("huge pages set aside", memory.hugepages, "hugepages_total=", _SET_ASIDE,
         "a matter of configuration (vm.nr_hugepages, hugepages=): everybody else had only the"
         " rest",
         "`kmem -h`: FREE near 0, and the program that uses them needs them all"),
    )  # fmt: skip
    for name, held, line, scores, says, refuted in rows:
        share = (held or 0) / whole
        if held and share >= THIRD:
            yield share, Culprit(
                kind="kernel", name=name, score=scores[share >= MOST],
                reason=f"{name} held {size(held)}, {share:.0%} of what could be used: {says}",
                refuted_by=refuted, evidence=told.quote(line, f"{name}: in no task's own memory"),
            )  # fmt: skip
    left = _unaccounted(memory)
    if left is not None and left >= THIRD * whole:
        yield left / whole, Culprit(
            kind="kernel", name="pages that no counter shows", score=_NOBODYS,
            reason=f"{size(left)}, {left / whole:.0%} of what could be used, are in no counter:"
            " whole pages that a driver took, vmalloc, or a balloon",
            refuted_by=_PAGES_OF_NOBODY,
            evidence=told.quote("pages RAM$|pages of RAM", "all memory; the counters show less"),
        )  # fmt: skip


def _slab(told: Round, memory: OomMemory, whole: int) -> Iterator[Held]:
    """Unreclaimable slab: by its biggest cache, and the module whose name that bears."""
    held = memory.slab_unreclaimable or 0
    share = held / whole
    if share < THIRD:
        return
    cache: str | None = None
    seen: tuple[Evidence, ...] = ()
    if told.report.slabs and told.report.slabs[0].total >= MOST * held:
        cache = told.report.slabs[0].name
        seen = told.quote(f"^{cache_row(cache)}", "the biggest unreclaimable cache")
    elif (biggest := biggest_cache(told.case.facts)) is not None:
        mass = (biggest.slabs or 0) * (biggest.slab_size or 0)
        cache = biggest.name if mass >= MOST * held else None
    owner, tainting = owner_of_cache(told.case, cache) if cache else (None, ())
    name = owner or (f"slab cache {cache}" if cache else "unreclaimable slab")
    yield share, Culprit(
        kind="module" if owner else "kernel", name=name,
        score=round(KERNEL[share >= MOST] + (_OWNED if tainting else 0), 2),
        reason=f"unreclaimable slab held {size(held)}, {share:.0%} of what could be used"
        + (f", most of it in the cache {cache}" if cache else "")
        + ": the kernel's own memory ran away, no process is to blame",
        refuted_by="`kmem -s`: caches that are small by now, or a cache that another module fills"
        " (slub_debug=U on the next run shows who)",
        evidence=(
            *told.quote("slab_unreclaimable:", "unreclaimable slab, in pages"), *seen, *tainting,
        ),
    )  # fmt: skip


def cache_row(name: str) -> str:
    """A pattern for the cache's row of `Unreclaimable slab info`."""
    return rf"{re.escape(name)} +[0-9]+KB"


def _unaccounted(memory: OomMemory) -> int | None:
    """RAM less everything that is counted; None where one of the big counters is missing."""
    counted = (
        memory.free, memory.anon, memory.file, memory.unevictable, memory.slab_reclaimable,
        memory.slab_unreclaimable, memory.pagetables,
    )  # fmt: skip
    if memory.ram is None or memory.reserved is None or None in counted:
        return None
    known = sum(each or 0 for each in counted)
    return memory.ram - memory.reserved - known - (memory.hugepages or 0) - (
        memory.kernel_stack or 0
    )  # fmt: skip
