"""Who allocated from a slab cache: kernels that cannot run here, samples, and memory that lies."""

import struct
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.kernel_image import KernelImage
from tests.test_culprit import leak_case
from vmtriage.analysis.advice import next_time
from vmtriage.analysis.culprit import candidates
from vmtriage.analysis.inquiry.plans import USERS, plan_of
from vmtriage.analysis.inquiry.scene import Reach, Scene
from vmtriage.analysis.inquiry.slab_tracks import MAX_OBJECTS, MAX_SLABS, evenly
from vmtriage.analysis.inquiry.slab_users import MAX_CALLERS
from vmtriage.analysis.suspects.case import Case
from vmtriage.models.answers import Answers
from vmtriage.models.evidence import Facts
from vmtriage.models.finding import CrashClass
from vmtriage.models.report import HIGH, MEDIUM
from vmtriage.models.slab_users import SlabUser, SlabUsers
from vmtriage.parsers import kmem

CACHE = 0xFFFF888100000001  # as in leak_case()
NODE, PAGES, MEMORY = 0xFFFF888100010000, 0xFFFFEA0000000000, 0xFFFF888200000000
TEXT, MODULE = 0xFFFFFFFF81200000, 0xFFFFFFFFC0000100
# kernels of 3.10 and 6.12: include/linux/slub_def.h, mm/slab.h, mm/slub.c
_COMMON = {
    "kmem_cache.flags": 8, "kmem_cache.node": 200, "kmem_cache_node.partial": 16,
    "kmem_cache_node.full": 48, "track.addr": 0,
}  # fmt: skip
OLD = _COMMON | {
    "kmem_cache.size": 24, "kmem_cache.inuse": 76, "kmem_cache.offset": 32, "page.lru": 32,
    "track.pid": 140, "track.when": 144,
}  # fmt: skip
NEW = _COMMON | {
    "kmem_cache.size": 24, "kmem_cache.inuse": 76, "kmem_cache.offset": 40,
    "kmem_cache.red_left_pad": 84, "slab.slab_list": 16, "page.lru": 8, "track.pid": 16,
    "track.when": 24,
}  # fmt: skip
PER_SLAB = 8


def image_of(
    offsets: dict[str, int],
    callers: Sequence[Sequence[int]],
    flags: int,
    freed: frozenset[tuple[int, int]] = frozenset(),
) -> KernelImage:
    """A cache of one node whose slabs are full, with the callers of each slab's objects."""
    new = "slab.slab_list" in offsets
    length, link, pad = (32, 16, 64) if new else (152, 32, 0)
    step = 512 + 8 + 2 * length + pad
    symbols = {MODULE + 0x95: "widget_get+149 [widget]", TEXT + 0x10: "kmemdup+16"}
    answers = {
        "sym nr_node_ids": "ffffffff82000000 (D) nr_node_ids\n",
        "sym _stext": f"{TEXT:x} (T) _stext\n", "sym _etext": f"{TEXT + 0x100000:x} (T) _etext\n",
    }  # fmt: skip
    image = KernelImage(
        offsets, {"track": length, "kmem_cache.node": 8192, "kmem_cache.flags": 8 - 4 * new},
        symbols, answers=answers,
        enumerators={"_SLAB_STORE_USER": 7, "_SLAB_RECLAIM_ACCOUNT": 14} if new else {},
    )  # fmt: skip
    numbers = {"size": step, "inuse": 512, "offset": 512, "red_left_pad": pad}
    for name, value in numbers.items():
        if f"kmem_cache.{name}" in offsets:
            image.put(CACHE, **{f"kmem_cache__{name}": struct.pack("<I", value)})
    # the array of nodes ends behind the last one: what follows is somebody else's
    image.put(CACHE, kmem_cache__flags=flags, kmem_cache__node=struct.pack("<QQ", NODE, TEXT))
    word(image, 0xFFFFFFFF82000000, 1)
    head = NODE + offsets["kmem_cache_node.full"]
    links = [head, *(PAGES + number * 64 + link for number in range(len(callers))), head]
    for before, after in pairwise(links):
        word(image, before, after)
        word(image, after + 8, before)
    empty = NODE + offsets["kmem_cache_node.partial"]
    word(image, empty, empty)
    word(image, empty + 8, empty)
    for number, own in enumerate(callers):
        page, start = PAGES + number * 64, MEMORY + number * 0x10000
        answers[f"kmem {page:x}"] = (
            "CACHE             OBJSIZE  ALLOCATED     TOTAL  SLABS  SSIZE  NAME\n"
            f"{CACHE:x}      512     409600    409612  14629    16k  widgets\n"
            "  SLAB              MEMORY            NODE  TOTAL  ALLOCATED  FREE\n"
            f"  {page:x}  {start:x}     0     {len(own)}         {len(own)}     0\n"
        )
        for at, caller in enumerate(own):
            track = start + pad + at * step + 512 + 8
            for kind, addr, when in ((0, caller, 100), (1, TEXT + 0x10, 200)):
                here = track + kind * length
                image.memory.update(dict.fromkeys(range(here, here + length), 0))
                if kind == 0 or (number, at) in freed:
                    image.put(
                        here, track__addr=addr, track__pid=struct.pack("<I", 7 + at % 2),
                        track__when=when,
                    )  # fmt: skip
    return image


def word(image: KernelImage, at: int, value: int) -> None:
    image.memory.update({at + n: byte for n, byte in enumerate(struct.pack("<Q", value))})


def scene() -> Scene:
    case = leak_case("widgets", 700_000, "widget")
    return Scene(case.facts, case.classification, None, (), None, None)


def asked(image: KernelImage) -> SlabUsers | None:
    return USERS.ask(scene(), Reach(image, "x86_64"), Answers()).slab_users


@pytest.mark.parametrize(("offsets", "flags"), [(OLD, 0x10000), (NEW, 0x80)], ids=["3.10", "6.12"])
def test_the_callers_are_counted(offsets: dict[str, int], flags: int) -> None:
    row = [MODULE + 0x95] * 6 + [TEXT + 0x10, 0]
    told = asked(image_of(offsets, [row] * 5, flags, frozenset({(0, 0)})))
    assert told is not None
    assert (told.cache, told.tracked, told.reclaimable) == ("widgets", True, False)
    assert (told.objects_sampled, told.slabs_sampled) == (34, 5)  # one is free, five have no track
    first, second = told.users
    assert (first.function, first.module, first.count) == ("widget_get", "widget", 29)
    assert (second.function, second.module, second.count) == ("kmemdup", None, 5)
    assert first.pids == (8, 7)


@pytest.mark.parametrize(
    ("offsets", "flags"), [(OLD, 0x20080), (NEW, 0x10000 | 1 << 14)], ids=["3.10", "6.12"]
)
def test_a_cache_without_callers_is_told(offsets: dict[str, int], flags: int) -> None:
    told = asked(image_of(offsets, [[MODULE + 0x95] * PER_SLAB], flags))
    assert told == SlabUsers(cache="widgets", tracked=False, reclaimable=True)


def test_what_is_no_code_is_no_caller() -> None:
    image = image_of(NEW, [[TEXT + 0x200000, TEXT + 0x20] * 4], 0x80)
    image.symbols = {TEXT + 0x200000: "some_data+8", TEXT + 0x20: "exact"}
    told = asked(image)
    assert told is not None
    assert (told.users, told.objects_sampled) == ((), 0)


def test_a_long_list_costs_no_more_than_a_short_one() -> None:
    told = asked(image_of(NEW, [[MODULE + 0x95] * 28] * 400, 0x80))
    assert told is not None
    assert (told.slabs_sampled, told.objects_sampled) == (MAX_SLABS, MAX_SLABS * MAX_OBJECTS)


def test_a_cache_of_another_slab_is_left_out() -> None:
    image = image_of(NEW, [[MODULE + 0x95] * PER_SLAB] * 2, 0x80)
    image.answers = {
        text: answer.replace(f"{CACHE:x}", f"{CACHE + 0x100:x}")
        for text, answer in image.answers.items()
    }
    told = asked(image)
    assert told is not None
    assert told.objects_sampled == 0


def test_without_members_nothing_is_told() -> None:
    assert asked(KernelImage({})) is None
    tracked = {"kmem_cache.flags": 8}
    image = KernelImage(tracked, {"kmem_cache.flags": 4})
    image.put(CACHE, kmem_cache__flags=0x10000)
    assert asked(image) == SlabUsers(cache="widgets", tracked=True)


@given(st.binary(min_size=64, max_size=400), st.integers(0, 255), st.sampled_from([OLD, NEW]))
@settings(max_examples=60, deadline=None)
def test_no_memory_makes_it_fail(noise: bytes, filler: int, offsets: dict[str, int]) -> None:
    made = image_of(offsets, [[MODULE + 0x95] * PER_SLAB], 0)
    slab = made.answers[f"kmem {PAGES:x}"]

    class Noisy(KernelImage):
        asked = 0

        def _answer(self, text: str) -> str:
            self.asked += 1
            return slab if text.startswith("kmem ") else super()._answer(text)

        def _dump(self, address: int, count: int) -> str:
            at = address % len(noise)
            raw = (noise[at:] + bytes([filler]) * count)[:count]
            self.memory = {address + n: byte for n, byte in enumerate(raw)}
            return super()._dump(address, count)

    image = Noisy(offsets, made.sizes, answers=made.answers, enumerators=made.enumerators)
    told = asked(image)
    assert told is None or told.cache == "widgets"
    assert image.asked < 2 * 8 * 48 + MAX_SLABS * (1 + MAX_OBJECTS) + MAX_CALLERS + 60


def test_it_is_asked_of_leaks_only() -> None:
    assert USERS in plan_of(CrashClass.MEMORY_LEAK)
    assert USERS not in plan_of(CrashClass.OOM)
    here = scene()
    assert USERS.why_not is not None
    assert USERS.why_not(here) == ""
    empty = Scene(Facts(), here.classification, None, (), None, None)
    assert USERS.why_not(empty) == "no slab cache could be read"


def case_of(count: int, of: int, module: str | None = "widget", reclaimable: bool = False) -> Case:
    user = SlabUser(
        function="widget_get", module=module, count=count, share=count / of,
        caller=f"{MODULE:x}", track=f"{MEMORY:x}",
    )  # fmt: skip
    told = SlabUsers(
        cache="kmalloc-512", tracked=True, reclaimable=reclaimable, objects_sampled=of,
        slabs_sampled=24, users=(user,),
    )  # fmt: skip
    case = leak_case("kmalloc-512", 700_000, "widget")
    return case.model_copy(update={"answers": Answers(slab_users=told)})


def test_the_module_that_allocated_them_is_named() -> None:
    case = case_of(190, 192)
    first, second = candidates(case)
    assert (first.kind, first.name, first.contested) == ("module", "widget", False)
    assert first.score >= HIGH
    assert (second.name, second.confidence) == ("slab cache kmalloc-512", "low")
    assert "190 of 192 objects" in first.reason
    assert "kmem -S kmalloc-512" in first.refuted_by
    assert next_time(case.facts, case.classification, (), first, case.answers) == ()
    assert next_time(case.facts, case.classification, (), first, Answers())


@pytest.mark.parametrize(("count", "of"), [(19, 19), (150, 192), (0, 100)])
def test_few_objects_or_a_mixture_name_nobody(count: int, of: int) -> None:
    assert [each.kind for each in candidates(case_of(count, of))] == ["kernel"]


@pytest.mark.parametrize(
    ("module", "reclaimable", "kind"), [(None, False, "kernel"), ("widget", True, "module")]
)
def test_a_helper_of_the_kernel_and_a_cache_of_inodes_are_leads(
    module: str | None, reclaimable: bool, kind: str
) -> None:
    told = candidates(case_of(192, 192, module, reclaimable))
    found = next(each for each in told if "widget" in each.name)
    assert found.kind == kind
    assert found.score <= MEDIUM
    assert "may" in found.reason


@given(st.lists(st.integers(), max_size=60), st.integers(1, 30))
def test_a_sample_is_spread(items: list[int], count: int) -> None:
    found = evenly(items, count)
    assert len(found) == min(len(items), count)
    assert found[:1] == items[:1]


def test_the_slab_of_a_page_is_read() -> None:
    text = Path("fixtures/crash/kmem/slab-half-full-6.1.txt").read_text(encoding="utf-8")
    slab = kmem.parse(text).slab
    assert slab is not None
    assert (slab.memory, slab.objects, slab.object) == ("ffff8ad05cf08000", 28, None)
