"""Whether the kernel's own memory ran away: one slab cache, or unreclaimable slab as a whole."""

from vmtriage.models.base import Model
from vmtriage.models.evidence import Evidence, Facts
from vmtriage.models.memory import SlabCache

_SHARE = 0.20  # of all memory; healthy servers stay far below it
_PAGE = 4096


class Leak(Model):
    """Memory the kernel holds and nobody can reclaim. `size` in bytes."""

    title: str
    size: int
    share: float  # of all memory, 0..1
    cache: SlabCache | None
    evidence: tuple[Evidence, ...]


def find_leak(facts: Facts) -> Leak | None:
    """The biggest slab cache, or the unreclaimable counter, when it holds a fifth of memory."""
    total = facts.memory.total if facts.memory else None
    if not total:
        return None
    cache = biggest_cache(facts)
    evidence: list[Evidence] = []
    size = 0
    if cache and cache.slabs and cache.slab_size:
        size = cache.slabs * cache.slab_size
        evidence.append(
            Evidence(
                command="kmem -s", line=cache.line,
                text=f"{cache.name} {cache.objsize} B x {cache.allocated}, {cache.slabs} slabs",
                says=f"one slab cache holds {size / total:.0%} of memory",
            )
        )  # fmt: skip
    for counter in facts.vm_stat.counters if facts.vm_stat else ():
        if counter.name in ("NR_SLAB_UNRECLAIMABLE", "NR_SLAB_UNRECLAIMABLE_B"):
            unreclaimable = counter.value * _PAGE
            size = max(size, unreclaimable)
            evidence.append(
                Evidence(
                    command="kmem -V", line=counter.line, text=f"{counter.name}: {counter.value}",
                    says=f"unreclaimable slab is {unreclaimable / total:.0%} of memory",
                )
            )  # fmt: skip
    if size < _SHARE * total:
        return None
    where = f"slab cache {cache.name}" if cache else "unreclaimable slab"
    return Leak(
        title=f"{where} holds {size / total:.0%} of memory",
        size=size, share=size / total, cache=cache, evidence=tuple(evidence),
    )  # fmt: skip


def biggest_cache(facts: Facts) -> SlabCache | None:
    """The slab cache with most memory in its slabs."""
    caches = facts.slabs.caches if facts.slabs else ()
    return max(
        (each for each in caches if each.slabs and each.slab_size),
        key=lambda each: (each.slabs or 0) * (each.slab_size or 0),
        default=None,
    )
