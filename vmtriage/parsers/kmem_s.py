"""`kmem -s`: every slab cache, its objects and slabs.

Sizes are printed in bytes (OBJSIZE) and KiB (SSIZE). Names may hold blanks and parentheses. crash
before 7.2 prints NAME as the second column; the header tells.

Sample::

    CACHE             OBJSIZE  ALLOCATED     TOTAL  SLABS  SSIZE  NAME
    ffff89cf0134a500     1200          8        52      2    32k  RAWv6
    ffff89cf01042500        ?          ?         ?      ?      ?  dentry
    ffff89cf01042600 [INVALID/CORRUPTED]                          kmalloc-64
"""

import re

from vmtriage.models.memory import SlabCache, SlabCaches
from vmtriage.parsers._lines import Line, split_lines
from vmtriage.parsers._notes import Notes

COMMAND = "kmem -s"

_HEADER = re.compile(
    r"\s*CACHE\s+(NAME\s+)?OBJSIZE\s+ALLOCATED\s+TOTAL\s+SLABS\s+SSIZE(\s+NAME)?\s*"
)
_CACHE = r"\s*([0-9a-f]{8,16})\s+"
_NUMBER = r"(-?[0-9]{1,18}|\?)"
_NUMBERS = rf"{_NUMBER}\s+{_NUMBER}\s+{_NUMBER}\s+{_NUMBER}\s+([0-9]{{1,18}}(?=k)|\?)k?"
_ROW = re.compile(rf"{_CACHE}{_NUMBERS}\s+(\S.*)")
_TAGGED = re.compile(rf"{_CACHE}(\[[^\]]{{1,43}}\])\s+(\S.*)")
_OLD_START = re.compile(rf"{_CACHE}(?=\S)")
_OLD_NUMBERS = re.compile(_NUMBERS)
_KIB = 1024


def parse(text: str) -> SlabCaches:
    """Read the output of `kmem -s`. A header without rows is an empty list."""
    notes = Notes(COMMAND)
    caches: list[SlabCache] = []
    header: re.Match[str] | None = None
    for line in split_lines(text):
        if match := _HEADER.fullmatch(line.text):
            header = match
        elif cache := row(line, old=bool(header and header[1])):
            caches.append(cache)
        else:
            notes.unfit(line)
    if not (caches or header):
        notes.fail("table of slab caches")
    return SlabCaches(caches=tuple(caches), notes=notes.all())


def row(line: Line, old: bool) -> SlabCache | None:
    """One cache; None: the line is something else. old: the name is the second column."""
    text = line.text.rstrip()
    if found := _TAGGED.fullmatch(text):
        return SlabCache(cache=found[1], tag=found[2], name=found[3], line=line.number)
    if old:
        return _old_row(text, line.number)
    if found := _ROW.fullmatch(text):
        return _cache(found[1], found[7], found.groups()[1:6], line.number)
    return None


def _old_row(line: str, number: int) -> SlabCache | None:
    """CACHE NAME OBJSIZE ...: the name ends where the last five columns begin."""
    start = _OLD_START.match(line)
    columns = line[start.end() :].rsplit(None, 5) if start else []
    numbers = _OLD_NUMBERS.fullmatch(" ".join(columns[1:]))
    if start is None or numbers is None:
        return None
    return _cache(start[1], columns[0], numbers.groups(), number)


def _cache(cache: str, name: str, columns: tuple[str, ...], number: int) -> SlabCache:
    size, allocated, total, slabs, kib = (
        None if column == "?" else int(column) for column in columns
    )
    return SlabCache(
        cache=cache,
        name=name,
        objsize=size,
        allocated=allocated,
        total=total,
        slabs=slabs,
        slab_size=None if kib is None else kib * _KIB,
        line=number,
    )
