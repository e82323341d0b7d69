"""Stretches that may lie over one another: what is seen of each."""

from collections.abc import Sequence
from heapq import heappop, heappush
from typing import NamedTuple


class Piece(NamedTuple):
    """From `begin` up to `end` the span number `which` counts."""

    begin: int
    end: int
    which: int


def visible(begins: Sequence[int], ends: Sequence[int]) -> list[Piece]:
    """Pieces in ascending order that never overlap; where spans do, the later given counts."""
    order = sorted(range(len(begins)), key=begins.__getitem__)
    found: list[Piece] = []
    active: list[int] = []  # negative numbers: the latest span is the heap's first
    at, following = 0, 0
    while following < len(order) or active:
        if not active:
            at = begins[order[following]]
        while following < len(order) and begins[order[following]] <= at:
            heappush(active, -order[following])
            following += 1
        which = -active[0]
        end = ends[which]
        if end <= at:
            heappop(active)
            continue
        if following < len(order):
            end = min(end, begins[order[following]])
        if found and found[-1].which == which and found[-1].end == at:
            found[-1] = Piece(found[-1].begin, end, which)
        else:
            found.append(Piece(at, end, which))
        at = end
    return found
