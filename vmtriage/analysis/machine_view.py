"""The machine as signatures see it: taint letters, memory in percent, the biggest slab caches."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from vmtriage.analysis.system import top_slabs
from vmtriage.models.evidence import Evidence, Facts
from vmtriage.models.memory import MemoryInfo, SlabCache

_TAINTED = re.compile(
    r"\b(?:Not tainted|Tainted: (?P<letters>[A-Z](?:[A-Z ]*[A-Z])?)(?= *[-(\d]| *$)"
    r"|Tainted: (?P<named>\[[A-Z]\]=.*))"
)
_NO_TAINT = "G"  # "no proprietary module": printed where P would stand
_UNRECLAIMABLE = ("NR_SLAB_UNRECLAIMABLE", "NR_SLAB_UNRECLAIMABLE_B")  # _B counts pages as well


@dataclass(frozen=True)
class Share:
    """A part of something, in percent, and the line that shows it."""

    percent: float
    evidence: Evidence


def taint_letters(text: str) -> tuple[str, ...] | None:
    """Letters that a line of the log says are set; None: it tells nothing of taint."""
    match = _TAINTED.search(text) if "ainted" in text else None
    if match is None:
        return None
    named = re.findall(r"\[([A-Z])\]=", match["named"]) if match["named"] else ()
    letters = named or (match["letters"] or "").replace(" ", "")
    return tuple(dict.fromkeys(each for each in letters if each != _NO_TAINT))


def taint(facts: Facts) -> Mapping[str, Evidence] | None:
    """Letters that are set, each with the line that shows it; None: nothing tells."""
    found: dict[str, Evidence] = {}
    told = facts.modules is not None
    for module in facts.modules.modules if facts.modules else ():
        text = f"{module.name}  {module.taints}"
        for letter in module.taints:
            found.setdefault(letter, _said("mod -t", module.line, text))
    for record in facts.log.records if facts.log else ():
        letters = taint_letters(record.text)
        told = told or letters is not None
        for letter in letters or ():
            found.setdefault(letter, _said("log", record.line, record.text))
    return found if told else None


def shares(facts: Facts) -> Mapping[str, Share]:
    """What is known of free, slab_unreclaimable, swap_used and committed; others are missing."""
    memory = facts.memory
    if memory is None:
        return {}
    known = {
        "free": _of(memory, "FREE", memory.free, memory.total),
        "swap_used": _of(memory, "SWAP USED", memory.swap_used, memory.swap_total),
        "committed": _of(memory, "COMMITTED", memory.committed, memory.commit_limit),
        "slab_unreclaimable": _unreclaimable(facts, memory),
    }
    return {name: share for name, share in known.items() if share is not None}


def _of(memory: MemoryInfo, label: str, part: int | None, whole: int | None) -> Share | None:
    if part is None or whole is None:
        return None
    row = next((row for row in memory.rows if row.label == label), None)
    line, pages = (row.line, row.pages) if row else (0, None)
    text = f"{label} {pages} pages" if pages is not None else f"{label} {part}"
    return Share(100 * part / whole if whole > 0 else 0.0, _said("kmem -i", line, text))


def _unreclaimable(facts: Facts, memory: MemoryInfo) -> Share | None:
    pages = next((row.pages for row in memory.rows if row.label == "TOTAL MEM"), 0)
    counters = facts.vm_stat.counters if facts.vm_stat else ()
    counter = next((each for each in counters if each.name in _UNRECLAIMABLE), None)
    if counter is None or pages <= 0:
        return None
    said = _said("kmem -V", counter.line, f"{counter.name}: {counter.value}")
    return Share(100 * counter.value / pages, said)


@dataclass(frozen=True)
class Slab:
    """One of the biggest slab caches; percent of all memory, None where that is not known."""

    name: str
    percent: float | None
    evidence: Evidence


def biggest_slabs(facts: Facts) -> tuple[Slab, ...] | None:
    """The biggest slab caches, biggest first; None when `kmem -s` was not read."""
    caches = top_slabs(facts)
    if caches is None:
        return None
    total = facts.memory.total if facts.memory else None
    return tuple(_slab(each, total) for each in caches)


def _slab(cache: SlabCache, total: int | None) -> Slab:
    size = (cache.slabs or 0) * (cache.slab_size or 0)
    text = f"{cache.name} {cache.slabs} slabs of {cache.slab_size} B"
    percent = 100 * size / total if total else None
    return Slab(cache.name, percent, _said("kmem -s", cache.line, text))


def _said(command: str, line: int, text: str) -> Evidence:
    return Evidence(command=command, line=line, text=text.strip(), says="")
