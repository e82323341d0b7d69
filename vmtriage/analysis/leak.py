"""Whether the kernel's own memory ran away: a slab cache, slab as a whole, tables, stacks."""

from collections.abc import Iterator

from vmtriage.models.base import Model
from vmtriage.models.evidence import Evidence, Facts
from vmtriage.models.memory import MemoryInfo, SlabCache, VmCounter

_SHARE = 0.20  # of all memory; healthy servers stay far below it
_PAGE_SIZES = (4096, 8192, 16384, 65536)
_UNRECLAIMABLE = ("NR_SLAB_UNRECLAIMABLE", "NR_SLAB_UNRECLAIMABLE_B")  # _B counts pages as well
_TABLES = ("NR_PAGETABLE",)
_STACKS = ("NR_KERNEL_STACK_KB",)  # since 4.9; before it counted stacks, of unknown size


class Leak(Model):
    """Memory the kernel holds and nobody can reclaim. `size` in bytes."""

    title: str
    size: int
    share: float  # of all memory, 0..1
    cache: SlabCache | None
    evidence: tuple[Evidence, ...]


def find_leak(facts: Facts) -> Leak | None:
    """What holds a fifth of memory: slab before page tables before kernel stacks."""
    total = facts.memory.total if facts.memory else None
    if not total or facts.memory is None:
        return None
    page = page_size(facts.memory)
    rows = (
        _slab(facts, total, page),
        _counted(facts, total, _TABLES, page, "page tables"),
        _counted(facts, total, _STACKS, 1024, "kernel stacks"),
    )
    return next((each for each in rows if each and each.size >= _SHARE * total), None)


def _slab(facts: Facts, total: int, page: int) -> Leak | None:
    """The biggest cache, or the unreclaimable counter, whichever is more."""
    cache = biggest_cache(facts)
    evidence: list[Evidence] = []
    size = 0
    if cache is not None:
        size = cache_size(cache)
        evidence.append(cache_row(cache, f"one slab cache holds {size / total:.0%} of memory"))
    for counter in _counters(facts, _UNRECLAIMABLE):
        unreclaimable = counter.value * page
        size = max(size, unreclaimable)
        says = f"unreclaimable slab is {unreclaimable / total:.0%} of memory"
        evidence.append(_row(counter, says))
    if not evidence:
        return None
    where = f"slab cache {cache.name}" if cache else "unreclaimable slab"
    return Leak(
        title=f"{where} holds {size / total:.0%} of memory",
        size=size, share=size / total, cache=cache, evidence=tuple(evidence),
    )  # fmt: skip


def _counted(facts: Facts, total: int, names: tuple[str, ...], unit: int, what: str) -> Leak | None:
    for counter in _counters(facts, names):
        size = counter.value * unit
        says = f"{what} hold {size / total:.0%} of memory"
        return Leak(
            title=says, size=size, share=size / total, cache=None,
            evidence=(_row(counter, f"{what} are {size / total:.0%} of memory"),),
        )  # fmt: skip
    return None


def _counters(facts: Facts, names: tuple[str, ...]) -> Iterator[VmCounter]:
    for counter in facts.vm_stat.counters if facts.vm_stat else ():
        if counter.name in names:
            yield counter


def _row(counter: VmCounter, says: str) -> Evidence:
    text = f"{counter.name}: {counter.value}"
    return Evidence(command="kmem -V", line=counter.line, text=text, says=says)


def cache_row(cache: SlabCache, says: str) -> Evidence:
    """The cache's row of `kmem -s`."""
    text = f"{cache.name} {cache.objsize} B x {cache.allocated}, {cache.slabs} slabs"
    return Evidence(command="kmem -s", line=cache.line, text=text, says=says)


def cache_size(cache: SlabCache) -> int:
    """Bytes in its slabs."""
    return (cache.slabs or 0) * (cache.slab_size or 0)


def page_size(memory: MemoryInfo) -> int:
    """By pages and bytes of the biggest row: `kmem -i` rounds the bytes to a tenth of a unit."""
    row = max(memory.rows, key=lambda each: each.pages, default=None)
    if row is None or not row.pages:
        return _PAGE_SIZES[0]
    return min(_PAGE_SIZES, key=lambda each: abs(each - row.size / row.pages))


def biggest_cache(facts: Facts) -> SlabCache | None:
    """The slab cache with most memory in its slabs."""
    caches = facts.slabs.caches if facts.slabs else ()
    return max((each for each in caches if cache_size(each)), key=cache_size, default=None)
