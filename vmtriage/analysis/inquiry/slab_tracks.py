"""The kernel's struct track behind objects of a slab cache, from a sample of its slabs.

Sources: mm/slub.c, get_track(), get_info_end(), freeptr_outside_object(), add_full().
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from vmtriage.analysis.inquiry.layout import member, size
from vmtriage.analysis.inquiry.scene import Reach
from vmtriage.errors import ParseError
from vmtriage.models.memory import SlabCache
from vmtriage.parsers import kmem
from vmtriage.session.commands import MAX_READ, memory_of

MAX_SLABS, MAX_OBJECTS = 24, 8  # objects of each slab
_MAX_NODES, _MAX_STEPS = 8, 48  # steps along a list from either end, all nodes together
_LOWEST = 1 << 31
_MOST_OBJECTS = 0x7FFF  # slab.objects has 15 bits

_FLAGS, _FLAGS_SIZE = member("kmem_cache", "flags"), size("kmem_cache", "flags")
_SIZE, _INUSE, _OFFSET = (member("kmem_cache", each) for each in ("size", "inuse", "offset"))
_PAD = member("kmem_cache", "red_left_pad")  # since 4.6
_NODES, _NODES_SIZE = member("kmem_cache", "node"), size("kmem_cache", "node")
_FULL, _PARTIAL = (member("kmem_cache_node", each) for each in ("full", "partial"))
_SLAB = member("slab", "slab_list")  # since 5.17
_PAGE = member("page", "slab_list", "lru")
_CALLER, _PID, _WHEN = (member("track", each) for each in ("addr", "pid", "when"))
_TRACK = size("track")

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Track:
    """An object's last allocation."""

    address: int
    slab: int
    caller: int
    pid: int


def evenly(items: Sequence[T], count: int) -> list[T]:
    """At most so many of them, spread over all."""
    if len(items) <= count:
        return list(items)
    return [items[number * len(items) // count] for number in range(count)]


class Tracks:
    """The objects of one cache."""

    def __init__(self, reach: Reach, row: SlabCache) -> None:
        self._reach, self._memory, self._row = reach, reach.memory, row
        self._cache = int(row.cache, 16)
        self._memory.layout.learn(
            [_FLAGS, _SIZE, _INUSE, _OFFSET, _FLAGS_SIZE, _NODES, _NODES_SIZE]
        )

    @property
    def flags(self) -> int | None:
        """The cache's."""
        count = self._memory.layout[_FLAGS_SIZE] or 0
        return self._memory.unsigned(self._cache, _FLAGS, count) if 0 < count <= 8 else None

    def sample(self) -> tuple[Track, ...]:
        """Of some objects. Those on full slabs are all in use, hence come first."""
        self._memory.layout.learn([_CALLER, _PID, _WHEN, _TRACK, _FULL, _PARTIAL])
        length = self._memory.layout[_TRACK]
        places = list(self._places())
        if length is None or not 0 < 2 * length <= MAX_READ:
            return ()
        self._memory.prefetch((address, 2 * length) for _, address in places)
        found = (self._track(slab, address, length) for slab, address in places)
        return tuple(each for each in found if each is not None)

    def _track(self, slab: int, address: int, length: int) -> Track | None:
        raw = self._memory.read(address, 2 * length)
        where = [self._memory.layout[each] for each in (_CALLER, _PID, _WHEN)]
        caller, pid, when = where
        if raw is None or caller is None or pid is None or when is None:
            return None
        word = self._memory.word_size

        def number(at: int, count: int) -> int:
            return int.from_bytes(raw[at : at + count], self._memory.byte_order)

        freed = number(length + caller, word) and number(length + when, word) > number(when, word)
        if freed or not number(caller, word):
            return None
        return Track(address, slab, number(caller, word), number(pid, 4))

    def _places(self) -> Iterator[tuple[int, int]]:
        """Slab and address of each track to read."""
        numbers = [self._memory.unsigned(self._cache, each) for each in (_SIZE, _INUSE, _OFFSET)]
        step, inuse, offset = numbers
        if not step or inuse is None or offset is None:
            return
        behind = inuse + (self._memory.word_size if offset >= inuse else 0)
        pad = self._memory.unsigned(self._cache, _PAD) or 0
        for slab, start, objects in self._slabs():
            for number in evenly(range(min(objects, _MOST_OBJECTS)), MAX_OBJECTS):
                yield slab, start + pad + number * step + behind

    def _slabs(self) -> Iterator[tuple[int, int, int]]:
        """Some slabs, where their objects begin, and how many these are."""
        kind = _SLAB if self._memory.layout[_SLAB] is not None else _PAGE
        offset = self._memory.layout[kind]
        if offset is None:
            return
        links = self._links()
        slabs = [each - offset for each in links if _LOWEST <= each - offset < 1 << 64]
        outputs = self._reach.desk.ask([memory_of(slab) for slab in slabs])
        for slab, output in zip(slabs, outputs, strict=True):
            try:
                place = kmem.parse(output.text).slab
            except ParseError:
                continue
            if place and place.memory and int(place.cache.cache, 16) == self._cache:
                yield slab, int(place.memory, 16), place.objects or 1

    def _links(self) -> list[int]:
        """The list_heads of the slabs, of full ones before others."""
        nodes = self._nodes()
        found: list[int] = []
        for where in (_FULL, _PARTIAL):
            heads = [self._memory.at(node, where) for node in nodes]
            each = [_from_both_ends(self._reach, head, _MAX_STEPS // len(nodes))
                    for head in heads if head is not None]  # fmt: skip
            left = MAX_SLABS - len(found)
            share = -(-left // max(len(each), 1))
            found += [link for links in each for link in evenly(links, share)][:left]
        return found

    def _nodes(self) -> list[int]:
        """The array of pointers is cut off behind the last node there can be."""
        place = self._reach.place_of("nr_node_ids")  # no variable without NUMA
        nodes = (self._memory.number(place) if place else None) or 1
        count = (self._memory.layout[_NODES_SIZE] or 0) // self._memory.word_size
        start = self._memory.at(self._cache, _NODES)
        if start is None or count <= 0:
            return []
        return [each for each in self._memory.words(start, min(count, nodes, _MAX_NODES)) if each]


def _from_both_ends(reach: Reach, head: int, steps: int) -> list[int]:
    """What joined a list last, and first: a long one cannot be walked through."""
    ahead = list(reach.memory.linked(head, steps))
    back = reach.memory.linked(head, steps, backwards=True)
    return list(dict.fromkeys((*ahead, *reversed(list(back)))))
