"""The step "users": who allocated the objects of the largest slab cache.

With slub_debug=U two `struct track` follow each object: of its last allocation, and its last free.
"""

from collections import Counter
from collections.abc import Sequence

from vmtriage.analysis.inquiry.scene import Reach, Scene
from vmtriage.analysis.inquiry.slab_tracks import Track, Tracks, evenly
from vmtriage.analysis.leak import biggest_cache, find_leak
from vmtriage.errors import ParseError
from vmtriage.models.answers import Answers
from vmtriage.models.memory import Symbol
from vmtriage.models.slab_users import SlabUser, SlabUsers
from vmtriage.parsers import p
from vmtriage.session.commands import enumerator, numbers

__all__ = ["MAX_CALLERS", "evenly", "no_cache", "slab_users"]

MAX_CALLERS = 48  # distinct ones that are looked up
_MAX_USERS, _MAX_PIDS = 10, 5
_FAR = 1 << 16  # no function is that long
# Before 6.9 the flags were constants, and their bits others.
_BITS = ("_SLAB_STORE_USER", "_SLAB_RECLAIM_ACCOUNT")
_OLD_BITS = (16, 17)


def no_cache(scene: Scene) -> str:
    """Why there is nothing to ask."""
    leak = find_leak(scene.facts)
    if leak is not None and leak.cache is None:
        return "no slab cache holds the memory"
    return "" if biggest_cache(scene.facts) else "no slab cache could be read"


def slab_users(scene: Scene, reach: Reach, answers: Answers) -> Answers:
    """Counts the callers of a sample; that the kernel kept none is an answer too."""
    row = biggest_cache(scene.facts)
    if row is None:
        return answers
    tracks = Tracks(reach, row)
    flags = tracks.flags
    if flags is None:
        return answers
    stores, reclaims = (bool(flags >> bit & 1) for bit in _bits(reach))
    if not stores:
        found = SlabUsers(cache=row.name, tracked=False, reclaimable=reclaims)
        return answers.model_copy(update={"slab_users": found})
    users, objects = _users(reach, tracks.sample())
    found = SlabUsers(
        cache=row.name, tracked=True, reclaimable=reclaims, users=users,
        objects_sampled=len(objects), slabs_sampled=len({each.slab for each in objects}),
    )  # fmt: skip
    return answers.model_copy(update={"slab_users": found})


def _bits(reach: Reach) -> tuple[int, ...]:
    (output,) = reach.desk.ask([numbers([enumerator(name) for name in _BITS])])
    try:
        found = p.parse(output.text).numbers
    except ParseError:
        return _OLD_BITS
    known = len(found) == len(_BITS) and all(0 <= bit < 64 for bit in found)
    return found if known else _OLD_BITS


def _users(reach: Reach, sample: Sequence[Track]) -> tuple[tuple[SlabUser, ...], tuple[Track, ...]]:
    """By function, and the objects whose caller is one."""
    by_name: dict[tuple[str, str | None], list[Track]] = {}
    for caller, _ in Counter(each.caller for each in sample).most_common(MAX_CALLERS):
        if (symbol := _code(reach, caller)) is not None:
            own = by_name.setdefault((symbol.name, symbol.module), [])
            own += [each for each in sample if each.caller == caller]
    objects = tuple(each for own in by_name.values() for each in own)
    users = [
        SlabUser(
            function=function, module=module, count=len(own),
            share=round(len(own) / len(objects), 4), caller=f"{own[0].caller:x}",
            track=f"{own[0].address:x}",
            pids=tuple(pid for pid, _ in Counter(e.pid for e in own).most_common(_MAX_PIDS)),
        )
        for (function, module), own in by_name.items()
    ]  # fmt: skip
    users.sort(key=lambda each: (-each.count, each.function))
    return tuple(users[:_MAX_USERS]), objects


def _code(reach: Reach, caller: int) -> Symbol | None:
    """The function that a call returns to; None for what is no code."""
    start, end = reach.place_of("_stext"), reach.place_of("_etext")
    symbol = reach.symbol(caller)
    if symbol is None or not 0 < symbol.offset < _FAR:
        return None
    inside = start is None or end is None or start <= caller < end
    return symbol if symbol.module or inside else None
