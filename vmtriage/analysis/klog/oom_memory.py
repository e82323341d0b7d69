"""The machine's memory as the OOM killer shows it: totals, zones against watermarks, swap, slab.

Sources: mm/show_mem.c (mm/page_alloc.c, lib/show_mem.c before 6.x), mm/hugetlb.c,
mm/slab_common.c (`Unreclaimable slab info`). Totals are printed in pages, the rest in kB.
"""

import re
from collections.abc import Iterator, Sequence

from vmtriage.models.details import OomMemory, OomSlab, OomZone
from vmtriage.parsers.klog_line import Line

_KB = 1024
_SLABS = 10  # caches that are kept
_PAGE_SIZES = (4096, 8192, 16384, 65536)
_N = r"[0-9]{1,15}"
_TOTAL = re.compile(rf"([a-z_]{{1,32}}):({_N})")
_TOTALS = frozenset(
    {"active_anon", "active_file", "unevictable", "slab_reclaimable", "mapped", "free"}
)
_ZONE = re.compile(
    rf"^(?:Node (?P<node>{_N}) )?(?P<name>\w{{1,16}}) free:(?P<free>{_N})kB (?:boost:{_N}kB )?"
    rf"min:(?P<min>{_N})kB(?: low:(?P<low>{_N})kB)?(?: high:(?P<high>{_N})kB)?"
)
_BUDDY = re.compile(
    rf"^(?:Node (?P<node>{_N}) )?(?P<name>\w{{1,16}}): (?P<blocks>{_N}\*{_N}kB .*) = {_N}kB"
)
_BLOCKS = re.compile(rf"({_N})\*({_N})kB")
_STACKS = re.compile(rf"\bkernel_stack:({_N})kB")
_HUGE = re.compile(rf"hugepages_total=({_N}) .*hugepages_size=({_N})kB")
_SWAP = re.compile(rf"^(Free|Total) swap\s+=\s*({_N})kB")
_RAM = re.compile(rf"^({_N}) (?:pages RAM|pages of RAM)\s*$")
_RESERVED = re.compile(rf"^({_N}) (?:pages reserved|reserved pages)\s*$")
_SLAB = re.compile(rf"^(?P<name>\S.{{0,80}}?)\s+(?P<used>{_N})KB\s+(?P<total>{_N})KB\s*$")
_X86 = re.compile(r"^(?:RIP|RSP): 00[0-9a-f]{2}:|^RAX: [0-9a-f]{16} ")


def page_size(
    lines: Sequence[Line], victim: tuple[int, int] | None
) -> tuple[int | None, str | None]:
    """Bytes of a page and what told so. victim: its total_vm in bytes and in pages."""
    for line in lines:
        if (found := _BUDDY.match(line.text)) and (first := _BLOCKS.match(found["blocks"])):
            size = int(first[2]) * _KB
            return (size, "the smallest block of the free lists") if size in _PAGE_SIZES else _NONE
    if victim is not None:
        size, rest = divmod(victim[0], victim[1])
        if not rest and size in _PAGE_SIZES:
            return size, "the victim's total_vm in kB and in pages"
    if any(_X86.match(line.text) for line in lines):
        return 4096, "x86 registers"
    return _NONE


_NONE = (None, None)


def read(lines: Sequence[Line], size: int | None) -> OomMemory | None:
    """Totals; None if nothing of them was printed. size: of a page, bytes."""
    pages: dict[str, int] = {}
    for line in lines:
        for name, number in _totals(line.text):
            pages.setdefault(name, number)
    pages |= _counts(lines)
    swap = {m[1]: int(m[2]) * _KB for line in lines if (m := _SWAP.match(line.text))}
    if not pages and not swap:
        return None

    def total(*names: str) -> int | None:
        if size is None or not all(name in pages for name in names):
            return None
        return sum(pages[name] for name in names) * size

    stacks = [int(kb) for line in lines for kb in _STACKS.findall(line.text)]
    huge = [m for line in lines if (m := _HUGE.search(line.text))]
    return OomMemory(
        ram=total("RAM"),
        reserved=total("reserved"),
        free=total("free"),
        anon=total("active_anon", "inactive_anon", "isolated_anon"),
        file=total("active_file", "inactive_file", "isolated_file"),
        unevictable=total("unevictable"),
        shmem=total("shmem"),
        slab_reclaimable=total("slab_reclaimable"),
        slab_unreclaimable=total("slab_unreclaimable"),
        pagetables=total("pagetables"),
        kernel_stack=sum(stacks) * _KB if stacks else None,
        hugepages=sum(int(m[1]) * int(m[2]) for m in huge) * _KB if huge else None,
        swap_total=swap.get("Total"),
        swap_free=swap.get("Free"),
    )


def _totals(text: str) -> Iterator[tuple[str, int]]:
    """The pairs of a line of `Mem-Info`, if it is one: name:pages and nothing else."""
    words = text.split(None, 12)
    if not words or words[0].partition(":")[0] not in _TOTALS:
        return
    pairs = [_TOTAL.fullmatch(word) for word in words]
    for pair in pairs:
        if pair is None:
            return
    yield from ((pair[1], int(pair[2])) for pair in pairs if pair)


def _counts(lines: Sequence[Line]) -> dict[str, int]:
    found: dict[str, int] = {}
    for line in lines:
        if ram := _RAM.match(line.text):
            found["RAM"] = int(ram[1])
        elif reserved := _RESERVED.match(line.text):
            found["reserved"] = int(reserved[1])
    return found


def zones(lines: Sequence[Line]) -> tuple[OomZone, ...]:
    """Every zone with what is free and the watermark below which nobody gets memory."""
    largest = dict(_largest(lines))
    found: dict[tuple[int | None, str], OomZone] = {}
    for line in lines:
        if " free:" not in line.text or not (zone := _ZONE.match(line.text)):
            continue
        kb = {key: int(text) for key, text in zone.groupdict().items() if text and key != "name"}
        key = kb.get("node"), zone["name"]
        found.setdefault(
            key,
            OomZone(
                node=key[0],
                name=key[1],
                free=kb["free"] * _KB,
                min=kb["min"] * _KB,
                low=kb["low"] * _KB if "low" in kb else None,
                high=kb["high"] * _KB if "high" in kb else None,
                short=kb["free"] < kb["min"],
                largest_free=largest.get(key),
            ),
        )
    return tuple(found.values())


def _largest(lines: Sequence[Line]) -> Iterator[tuple[tuple[int | None, str], int]]:
    for line in lines:
        if "*" in line.text and (found := _BUDDY.match(line.text)):
            node = int(found["node"]) if found["node"] else None
            blocks = [int(kb) for count, kb in _BLOCKS.findall(found["blocks"]) if int(count)]
            yield (node, found["name"]), max(blocks, default=0) * _KB


def slabs(lines: Sequence[Line]) -> tuple[OomSlab, ...]:
    """The biggest caches of `Unreclaimable slab info` (4.15 on)."""
    found: list[OomSlab] = []
    inside = False
    for line in lines:
        if line.text.startswith("Unreclaimable slab info"):
            inside = True
        elif inside and (row := _SLAB.match(line.text)):
            used, total = int(row["used"]) * _KB, int(row["total"]) * _KB
            found.append(OomSlab(name=row["name"], used=used, total=total))
        elif inside and not line.text.startswith("Name"):
            break
    return tuple(sorted(found, key=lambda each: -each.total)[:_SLABS])
