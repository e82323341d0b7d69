"""Symbols without an ELF file around them, as kallsyms and System.map have them: sections for them.

gdb and crash take a symbol's kind from the section it lies in, and crash moves only those symbols
by KASLR that lie between the first and the last section. So every symbol has to lie in one.
And every symbol has to have a size: where one has none, gdb goes back through all before it for
one that has, for each address it names, which costs crash seconds and in the end the name.
"""

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

from vmtriage.namelist.ingredients import Section, Symbol

_READ, _WRITE, _CODE = 2, 3, 6
_PAGE = 4096
# name, first and last symbol, without bytes: include/asm-generic/vmlinux.lds.h
_RANGES = (
    (".text", "_stext", "_etext", False),
    (".rodata", "__start_rodata", "__end_rodata", False),
    (".data", "_sdata", "_edata", False),
    (".data..percpu", "__per_cpu_start", "__per_cpu_end", False),
    (".init.text", "_sinittext", "_einittext", False),
    (".bss", "__bss_start", "__bss_stop", True),
    (".brk", "__brk_base", "__brk_limit", True),
)
_FLAGS = {"t": _CODE, "w": _CODE, "r": _READ}
_LETTERS = {_CODE: "t", _READ: "r", _WRITE: "d"}
# ends of things: what lies behind them is not theirs
_MARK = re.compile(r"_end|_etext|_edata|_einittext|__bss_stop|__brk_limit|__(?:end|stop)_.*|.*_end")
_LARGEST = 4096  # bytes of a read-only symbol: behind most stand texts that nobody named
# what stands between them, by what nm says of a symbol there
_KINDS = {"t": (".exit.text", _CODE, False), "w": (".exit.text", _CODE, False),
          "b": (".bss.more", _WRITE, True), "r": (".rodata.more", _READ, False)}  # fmt: skip
_ELSE = (".init.data", _WRITE, False)


class Named(NamedTuple):
    """A symbol as a table of names has it: nm's letter, and the address it is linked at."""

    name: str
    kind: str
    address: int


def in_sections(named: Iterable[Named]) -> tuple[tuple[Section, ...], tuple[Symbol, ...]]:
    """Sections that cover all symbols, and the symbols in them; a size is the way to the next."""
    every = list(named)
    known = _known({each.name: each for each in every})
    every = [*per_cpu(every, known)]
    inside = sorted({e.address: e.kind for e in every if e.kind not in "aA"}.items())
    floor = min((each.address for each in known if each.name == ".text"), default=0)
    sections = sorted([*known, *_between(known, [p for p in inside if p[0] >= floor])],
                      key=lambda each: each.address)  # fmt: skip
    own = [
        Symbol(each.name.encode(), "b" if each.empty else _LETTERS[each.flags], each.address, 0, n)
        for n, each in enumerate(sections)
        if each in known
    ]  # as the linker has them, the first of all: crash prints them
    return tuple(sections), (*own, *placed(every, sections))


def placed(every: Sequence[Named], sections: Sequence[Section]) -> tuple[Symbol, ...]:
    """The symbols in the sections given."""
    numbers = sorted(range(len(sections)), key=lambda n: sections[n].address)
    starts = [sections[n].address for n in numbers]
    ordered = sorted({each.address for each in every})
    following = dict(pairwise(ordered))
    symbols = []
    for name, kind, address in every:
        at = bisect_right(starts, address) - 1
        place, size = None, following.get(address, address) - address
        if kind not in "aA" and at >= 0:
            if (
                at
                and address == starts[at]
                and _ends_code(kind, sections, numbers[at - 1 : at + 1])
            ):
                at -= 1
            section = sections[numbers[at]]
            end = section.address + section.size
            place = numbers[at] if address <= end else None
            size = 1 if _MARK.fullmatch(name) else min(size, max(end - address, 1))
            size = min(size, _LARGEST) if kind in "rR" or section.name == ".rodata" else size
        symbols.append(Symbol(name.encode(), kind, address, size, place))
    return tuple(symbols)


def _ends_code(kind: str, sections: Sequence[Section], pair: Sequence[int]) -> bool:
    """Whether a symbol where two sections meet is the end of the first: _etext is text."""
    before, after = (sections[number] for number in pair)
    ends = before.address + before.size == after.address
    return kind in "tT" and ends and before.flags == _CODE != after.flags


def _known(places: Mapping[str, Named]) -> list[Section]:
    found = []
    for name, first, last, empty in _RANGES:
        start, end = places.get(first), places.get(last)
        if start is not None and end is not None and start.address < end.address:
            flags = _FLAGS.get(start.kind.lower(), _WRITE)
            size = end.address - start.address
            found.append(Section(name, start.address, size, flags, empty))
    return found


def per_cpu(named: Iterable[Named], known: Sequence[Section]) -> Iterator[Named]:
    """kallsyms says A of per-CPU variables that count from 0; crash wants them to be data."""
    area = next((each for each in known if each.name == ".data..percpu"), None)
    size = area.size if area is not None and area.address == 0 else -1
    for each in named:
        yield each._replace(kind="D") if each.kind in "aA" and each.address <= size else each


def _between(known: Sequence[Section], inside: Sequence[tuple[int, str]]) -> list[Section]:
    """Sections for the symbols that lie in none of the known ones, one for each run of a kind."""
    ordered = sorted(known, key=lambda each: each.address)
    starts = [each.address for each in ordered]
    found: list[Section] = []
    run: tuple[tuple[str, int, bool], int] | None = None  # what it is, and where it begins
    end = 0
    for address, kind in [*inside, (0, "")]:
        at = bisect_right(starts, address) - 1
        covered = not kind or (at >= 0 and address < ordered[at].address + ordered[at].size)
        form = None if covered else _KINDS.get(kind.lower(), _ELSE)
        if run is not None and form != run[0]:
            begin = run[1]
            limit = address if kind else -(-end // _PAGE) * _PAGE + _PAGE
            found.append(Section(run[0][0], begin, limit - begin, *run[0][1:]))
            run = None
        if form is not None and run is None:
            run = (form, address)
        end = address
    return found
