"""Conditions on the machine: taint and memory. Unread facts hold none of them."""

from collections.abc import Iterator
from typing import Literal

from vmtriage.analysis.crash_view import CrashView
from vmtriage.analysis.patterns import fits
from vmtriage.models.evidence import Evidence
from vmtriage.models.signature import Match, MemoryMatch

Found = tuple[Evidence, ...] | None  # None: the condition does not hold
Row = Evidence | Literal[False] | None  # False: does not hold; None: was not read


def taint(match: Match, crash: CrashView) -> Found:
    """Any of the letters is set."""
    if not match.taint:
        return ()
    letter = next((each for each in match.taint if each in (crash.taint or {})), None)
    if letter is None or crash.taint is None:
        return None
    return (_says(crash.taint[letter], f"the kernel is tainted {letter}"),)


def memory(match: Match, crash: CrashView) -> Found:
    """All that is asked of memory holds."""
    if match.memory is None:
        return ()
    rows = _memory_rows(match.memory, crash)
    evidence = tuple(each for each in rows if each)
    return evidence if len(evidence) == len(rows) else None


def memory_unread(wanted: MemoryMatch, crash: CrashView) -> bool:
    """Whether the answer hangs on something that was not read."""
    rows = _memory_rows(wanted, crash)
    return None in rows and False not in rows


def _memory_rows(wanted: MemoryMatch, crash: CrashView) -> tuple[Row, ...]:
    """For each condition on memory: evidence, False if it does not hold, None if not known."""
    return (*_share_rows(wanted, crash), *_slab_rows(wanted, crash))


_SHARES = (  # field, name of the share, its words
    ("slab_unreclaimable_percent_at_least", "slab_unreclaimable", "of memory is unreclaimable"),
    ("free_percent_at_most", "free", "of memory is free"),
    ("swap_used_percent_at_least", "swap_used", "of swap is used"),
    ("committed_percent_at_least", "committed", "of the commit limit is committed"),
)  # fmt: skip


def _share_rows(wanted: MemoryMatch, crash: CrashView) -> Iterator[Row]:
    for field, name, words in _SHARES:
        limit = getattr(wanted, field)
        if limit is None:
            continue
        share = crash.shares.get(name)
        if share is None:
            yield None
            continue
        most = field.endswith("at_most")
        holds = share.percent <= limit if most else share.percent >= limit
        says = f"{share.percent:.0f} % {words}: at {'most' if most else 'least'} {limit:g} %"
        yield _says(share.evidence, says) if holds else False


def _slab_rows(wanted: MemoryMatch, crash: CrashView) -> Iterator[Row]:
    least = wanted.top_slab_percent_at_least
    if not wanted.top_slab and least is None:
        return
    slabs = crash.slabs
    if slabs is None or (least is not None and any(each.percent is None for each in slabs)):
        yield None
        return
    for slab in slabs:
        named = not wanted.top_slab or any(fits(p, slab.name) for p in wanted.top_slab)
        if named and (least is None or (slab.percent or 0) >= least):
            share = "" if slab.percent is None else f", {slab.percent:.0f} % of memory"
            yield _says(slab.evidence, f"{slab.name} is one of the biggest slab caches{share}")
            return
    yield False


def _says(evidence: Evidence, says: str) -> Evidence:
    return evidence.model_copy(update={"says": says})
