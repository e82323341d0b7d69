"""`kmem ADDRESS`: the memory an address belongs to. Blocks follow each other, each with a header.

Sample::

    CACHE             OBJSIZE  ALLOCATED     TOTAL  SLABS  SSIZE  NAME
    ffff8cc7c10428c0      128        400       416     26     4k  kmalloc-128
      SLAB              MEMORY            NODE  TOTAL  ALLOCATED  FREE
      fffff9f3c07f9a40  ffff8cc7dfe69000     0     16          8     8
      FREE / [ALLOCATED]
      [ffff8cc7dfe69300]

          PAGE       PHYSICAL      MAPPING       INDEX CNT FLAGS
    fffff9f3c07f9a40 1fe69000 ffff8cc7c10428c0 ffff8cc7dfe69300  1 fffffc0000200 slab
"""

import re
from typing import Any

from vmtriage.models.base import NoteKind
from vmtriage.models.memory import SlabCache
from vmtriage.models.whereabouts import (
    PagePlace,
    SlabPlace,
    SymbolPlace,
    TaskPlace,
    VmArea,
    Whereabouts,
)
from vmtriage.parsers import kmem_s, sym
from vmtriage.parsers._lines import Line, split_lines
from vmtriage.parsers._notes import Notes

COMMAND = "kmem"

_HEX = r"[0-9a-f]{8,16}"
_HEADER = re.compile(
    r"\s*(?:(CACHE) .*OBJSIZE.*|(SLAB) +MEMORY.*|(FREE) / \[ALLOCATED\]|(PAGE) +PHYSICAL.*"
    r"|(?:VMAP_AREA +)?(VM)_STRUCT .*|(AREA) +SIZE +FREE_AREA_STRUCT.*|(ZONE) +NAME .*|(NODE))\s*"
)
_OBJECT = re.compile(rf"\s+(?:\[({_HEX})\]|({_HEX}))(?:\s+\(((?:cpu [0-9]+|shared) cache)\))?\s*")
_AREA = re.compile(rf"\s*(?:{_HEX}\s+){{1,2}}({_HEX}) - ({_HEX})\s+[0-9]{{1,20}}\s*")
_SLAB = re.compile(
    rf"\s*{_HEX}\s+({_HEX})\s+[0-9]{{1,4}}\s+([0-9]{{1,10}})(?:\s+[0-9]{{1,10}}){{2}}\s*"
)
_PAGE = re.compile(
    rf"\s*({_HEX})\s+([0-9a-f]{{1,16}})\s+([0-9a-f]{{1,16}}|-+)\s+(?:[0-9a-f]{{1,16}}|-+)"
    r"\s+(-?[0-9]{1,10})\s+[0-9a-f]{1,16}(?:\s+(\S.*?))?\s*"
)
_TASK = re.compile(r"\s*(PID|COMMAND|TASK|CPU|STATE): ?(.*)")
_TASK_ADDRESS = re.compile(rf"\s*({_HEX})\b.*")
_NOWHERE = re.compile(
    r".*(?:not found in mem map|cannot determine page for|cannot make virtual-to-physical"
    r"|invalid (?:kernel )?(?:virtual )?address).*"
)
_EXCLUDED = re.compile(r".*page excluded.*")


class _Reading:
    """The places as they are found, block by block."""

    def __init__(self) -> None:
        self.found: dict[str, Any] = {}
        self.cache: SlabCache | None = None
        self.objects: list[re.Match[str]] = []
        self.task: dict[str, str] = {}
        self.task_line = 0
        self.old = False
        self.slab: re.Match[str] | None = None
        self.block = ""

    def take(self, line: Line) -> bool:
        """Whether the line is one of the output's own."""
        text = line.text
        if header := _HEADER.fullmatch(text):
            self.block = next(each for each in header.groups() if each)
            self.old = self.block == "CACHE" and bool(re.match(r"\s*CACHE\s+NAME", text))
            return True
        if not text.strip():
            if self.block in ("CACHE", "SLAB", "FREE"):
                self.block = ""
            return True
        return self._row(line) or self._anywhere(line)

    def _row(self, line: Line) -> bool:
        text, block = line.text, self.block
        if block == "CACHE" and self.cache is None:
            self.cache = kmem_s.row(line, old=self.old)
            return self.cache is not None
        if block == "SLAB" and self.slab is None and (found := _SLAB.fullmatch(text)):
            self.slab = found
            return True
        if block == "FREE" and (found := _OBJECT.fullmatch(text)):
            self.objects.append(found)
            return True
        if block == "PAGE" and (found := _PAGE.fullmatch(text)):
            self.found.setdefault(
                "page",
                PagePlace(
                    page=found[1], physical=found[2], count=int(found[4]), line=line.number,
                    mapping=None if "-" in found[3] else found[3], flags=found[5] or "",
                ),
            )  # fmt: skip
            return True
        if block == "VM" and (found := _AREA.fullmatch(text)):
            area = VmArea(start=found[1], end=found[2], line=line.number)
            self.found.setdefault("area", area)
            return True
        if block == "AREA":
            self.found["free_page"] = True
        return block in ("SLAB", "AREA", "ZONE", "NODE") and _numeric(text)

    def _anywhere(self, line: Line) -> bool:
        if symbol := sym.symbol_of(line.text):
            place = SymbolPlace(**symbol.model_dump(), line=line.number)
            self.found.setdefault("symbol", place)
            return True
        if found := _TASK.fullmatch(line.text):
            self.task_line = self.task_line or line.number
            self.task.setdefault(found[1], found[2])
            return True
        return False

    def done(self) -> dict[str, Any]:
        """The fields of the model."""
        if self.cache is not None:
            alone = self.objects[0] if len(self.objects) == 1 else None
            self.found["slab"] = SlabPlace(
                cache=self.cache, line=self.cache.line,
                memory=self.slab[1] if self.slab else None,
                objects=int(self.slab[2]) if self.slab else None,
                object=(alone[1] or alone[2]) if alone else None,
                allocated=bool(alone[1]) if alone else None,
                kept_in=alone[3] if alone else None,
            )  # fmt: skip
        pid = self.task.get("PID", "").strip()
        if re.fullmatch("[0-9]{1,10}", pid):
            address = _TASK_ADDRESS.fullmatch(self.task.get("TASK", ""))
            self.found["task"] = TaskPlace(
                pid=int(pid), comm=self.task.get("COMMAND", "").strip().strip('"'),
                task=address[1] if address else None, line=self.task_line,
            )  # fmt: skip
        return self.found


def _numeric(text: str) -> bool:
    return re.fullmatch(r"[\s0-9a-fA-Zk]+", text) is not None


def parse(text: str) -> Whereabouts:
    """All places it belongs to. ParseError: the output says nothing of any."""
    notes, reading = Notes(COMMAND), _Reading()
    nowhere = excluded = 0
    for line in split_lines(text):
        if _NOWHERE.fullmatch(line.text):
            nowhere = nowhere or line.number
            notes.unfit(line)
        elif _EXCLUDED.fullmatch(line.text):
            excluded = excluded or line.number
            notes.unfit(line)
        elif not reading.take(line):
            notes.unfit(line)
    found = reading.done()
    first = min(
        [place.line for place in found.values() if hasattr(place, "line")]
        + [number for number in (nowhere, excluded) if number],
        default=0,
    )
    if not first:
        notes.fail("place of an address")
    return Whereabouts(
        **found, nowhere=bool(nowhere) and not found, excluded=bool(excluded),
        line=first, notes=tuple(n for n in notes.all() if n.kind is not NoteKind.ELIDED),
    )  # fmt: skip
