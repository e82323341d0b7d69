"""`kmem -i`: where the machine's memory went.

TOTAL is rounded to a tenth of its unit, PAGES is exact. The page size is not printed, but only
one power of two takes the pages of the largest row to its printed size; sizes are then pages
times page size. A row that disagrees keeps its printed size.

Sample::

                     PAGES        TOTAL      PERCENTAGE
        TOTAL MEM   120141     469.3 MB         ----
             FREE   111131     434.1 MB   92% of TOTAL MEM
    TOTAL SWAP        0            0         ----
"""

import re
from typing import NamedTuple

from vmtriage.models.memory import MemoryInfo, MemoryRow
from vmtriage.parsers._lines import split_lines
from vmtriage.parsers._notes import Notes

COMMAND = "kmem -i"

_HEADER = re.compile(r"\s*PAGES\s+TOTAL\s+PERCENTAGE\s*")
_ROW = re.compile(
    r"\s*([A-Z]{1,12}(?: [A-Z]{1,12})?)\s+(-?[0-9]{1,16})\s+"
    r"(0|-?[0-9]{1,16}(?:\.[0-9]{1,3})? (?:KB|MB|GB|TB|PB))"
    r"\s+(?:(-?[0-9]{1,18})% of ([A-Z]{1,12} [A-Z]{1,12})|-{2,6})\s*"
)
_UNITS = {"KB": 1 << 10, "MB": 1 << 20, "GB": 1 << 30, "TB": 1 << 40, "PB": 1 << 50}
_PAGE_SIZES = (4096, 8192, 16384, 32768, 65536)
_FIELDS = {
    "TOTAL MEM": "total",
    "FREE": "free",
    "USED": "used",
    "SHARED": "shared",
    "BUFFERS": "buffers",
    "CACHED": "cached",
    "SLAB": "slab",
    "TOTAL HUGE": "huge_total",
    "HUGE FREE": "huge_free",
    "TOTAL SWAP": "swap_total",
    "SWAP USED": "swap_used",
    "SWAP FREE": "swap_free",
    "COMMIT LIMIT": "commit_limit",
    "COMMITTED": "committed",
}


class _Row(NamedTuple):
    label: str
    pages: int
    printed: int  # bytes
    slack: int  # bytes the rounding may have taken or given
    percent: int | None
    base: str | None
    line: int


def parse(text: str) -> MemoryInfo:
    """Read the output of `kmem -i`; sizes in bytes."""
    notes = Notes(COMMAND)
    rows: list[_Row] = []
    for line in split_lines(text):
        if match := _ROW.fullmatch(line.text):
            rows.append(_row(match, line.number))
        elif not _HEADER.fullmatch(line.text):
            notes.unfit(line)
    if not rows:
        notes.fail("row of pages and sizes")
    page_size = _page_size(rows)
    facts = tuple(_fact(row, page_size) for row in rows)
    # The first row of a label stands: a label twice means two outputs in one text.
    fields = {_FIELDS[fact.label]: fact.size for fact in reversed(facts) if fact.label in _FIELDS}
    return MemoryInfo(**fields, rows=facts, notes=notes.all())


def _row(match: re.Match[str], number: int) -> _Row:
    label, pages, size, percent, base = match.groups()
    amount, _, unit = size.partition(" ")
    scale = _UNITS.get(unit, 1)
    # KB are whole numbers, cut off; larger units are rounded to a tenth.
    slack = scale if unit == "KB" else scale * 6 // 100
    printed = round(float(amount) * scale)
    return _Row(label, int(pages), printed, slack, int(percent) if percent else None, base, number)


def _page_size(rows: list[_Row]) -> int | None:
    largest = max(rows, key=lambda row: row.pages)
    return next((size for size in _PAGE_SIZES if _agrees(largest, size)), None)


def _agrees(row: _Row, page_size: int) -> bool:
    return row.pages > 0 and abs(row.pages * page_size - row.printed) <= row.slack


def _fact(row: _Row, page_size: int | None) -> MemoryRow:
    exact = page_size is not None and _agrees(row, page_size)
    return MemoryRow(
        label=row.label,
        pages=row.pages,
        size=row.pages * (page_size or 0) if exact else row.printed,
        percent=row.percent,
        base=row.base,
        line=row.line,
    )
