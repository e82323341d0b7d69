"""A kernel log of any size in one pass: reports come out, the rest is passed over in blocks.

Memory: one block, the few open reports, nothing else. Where no report is open, only lines with a
trigger are looked at; the others cost one search over the block they stand in.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any, BinaryIO, NamedTuple

import re2

from vmtriage.analysis.klog.heads import trigger
from vmtriage.analysis.klog.report import Report
from vmtriage.analysis.klog.scanner import Scanner
from vmtriage.parsers.klog_line import Line, read, split

_BLOCK = 1 << 20
_LONGEST_LINE = 64 << 10  # bytes; the rest of a longer line is a line of its own
_BANNER = b"Linux version "


class Boot(NamedTuple):
    """The kernel's first words: a new boot begins here."""

    line: Line


@dataclass
class Stream:
    """Reads once. lines and size count what was read so far."""

    source: BinaryIO
    lines: int = 0
    size: int = 0
    _scanner: Scanner = field(default_factory=Scanner)

    def __iter__(self) -> Iterator[Report | Boot]:
        rest = b""
        while block := self.source.read(_BLOCK):
            self.size += len(block)
            block = rest + block
            cut = block.rfind(b"\n") + 1
            if not cut and len(block) >= _LONGEST_LINE:
                cut = len(block)
            rest = block[cut:]
            if cut:
                yield from self._block(block[:cut] if rest else block)
        if rest:
            yield from self._block(rest)
        yield from self._scanner.finish()

    def _block(self, block: bytes) -> Iterator[Report | Boot]:
        hits = _hits(block)
        hit = next(hits, -1)
        at = 0
        while at < len(block):
            if self._scanner.idle:
                if hit < 0:
                    break
                start = block.rfind(b"\n", 0, hit) + 1
                if start > at:
                    self.lines += block.count(b"\n", at, start)
                    at = start
            end = block.find(b"\n", at)
            end = len(block) if end < 0 else end
            looked = 0 <= hit < end
            yield from self._line(block[at : min(end, at + _LONGEST_LINE)], looked)
            while 0 <= hit < end:
                hit = next(hits, -1)
            at = end + 1
        if at < len(block):
            self.lines += block.count(b"\n", at) + (not block.endswith(b"\n"))

    def _line(self, raw: bytes, looked: bool) -> Iterator[Report | Boot]:
        self.lines += 1
        text = raw.decode("utf-8", "replace")
        if looked and _BANNER in raw:
            line = read(self.lines, text)
            if line.text.startswith("Linux version "):
                yield from self._scanner.finish()
                yield Boot(line)
                return
        for part in split(text) if looked else (text,):
            yield from self._scanner.feed(read(self.lines, part), looked=looked)


@cache
def _wanted() -> Any:
    return re2.compile(trigger().pattern + b"|" + _BANNER)


def _hits(block: bytes) -> Iterator[int]:
    for found in _wanted().finditer(block):
        yield found.start()
