"""A kernel log of any size in one pass: reports come out, the rest is passed over in blocks.

Memory: one block, the few open reports, nothing else. Where no report is open, only lines with a
trigger are looked at; the others cost one search over the block they stand in.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, BinaryIO, NamedTuple

import re2

from vmtriage.analysis.klog import wrapped
from vmtriage.analysis.klog.heads import head, trigger
from vmtriage.analysis.klog.report import Report
from vmtriage.analysis.klog.scanner import CUT, Scanner
from vmtriage.analysis.klog.watch import Watch
from vmtriage.parsers.klog_line import Line, read, split

_BLOCK = 1 << 20
_LONGEST_LINE = 64 << 10  # bytes; where no line ends in so many, one is taken to end
_KEPT_OF_A_LINE = 4 << 10  # bytes; no kernel prints longer ones
_BANNER = b"Linux version "
_CUT = CUT.encode()


class Boot(NamedTuple):
    """The kernel's first words: a new boot begins here."""

    line: Line


@dataclass
class Stream:
    """Reads once. lines and size count what was read so far."""

    source: BinaryIO
    watch: Watch = field(default_factory=lambda: Watch(()))
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
        yield from self._scanner.finish(cut=True)

    def _block(self, block: bytes) -> Iterator[Report | Boot]:
        found = _wanted().finditer(block)
        start, stop = _span(next(found, None))
        watched = self.watch.hits(block)[::-1] if self.watch else []
        at, size, columns = 0, len(block), -1
        while at < size:
            if self._scanner.idle:
                nearest = min((each for each in (start, *_last(watched)) if each >= 0), default=-1)
                if nearest < 0:
                    break
                begin = block.rfind(b"\n", 0, nearest) + 1
                if begin > at:
                    self.lines += block.count(b"\n", at, begin)
                    at = begin
            end = block.find(b"\n", at)
            if end < 0:
                end = size
            if columns < 0:
                columns = wrapped.width(block)
            end, rests = wrapped.joined(block, at, end, columns) if columns else (end, 0)
            hits: list[bytes] = []
            while 0 <= start < end:
                hits.append(block[start:stop])
                start, stop = _span(next(found, None))
            numbers: list[int] = []
            while watched and watched[-1][0] < end:
                numbers.append(watched.pop()[1])
            raw = block[at : min(end, at + _KEPT_OF_A_LINE)]
            if rests:
                raw = raw.replace(b"\n", b"")
                hits = trigger().findall(raw)  # one of them may have been cut in two
            if done := self._line(raw, hits):
                yield from done
            if numbers and (asked := self._asked(raw, hits, numbers)):
                yield asked
            self.lines += rests
            at = end + 1
        if at < size:
            self.lines += block.count(b"\n", at) + (not block.endswith(b"\n"))

    def _line(self, raw: bytes, hits: Sequence[bytes]) -> Sequence[Report | Boot]:
        self.lines += 1
        text = raw.decode("utf-8", "replace")
        if _CUT in hits:
            hits = [each for each in hits if each != _CUT]
        if not hits:
            return self._scanner.feed(read(self.lines, text), ())
        if _BANNER in hits:
            line = read(self.lines, text)
            if not line.text.startswith("Linux version "):
                return ()
            return (*self._scanner.finish(cut=True), Boot(line))
        parts = split(text) if text.count("[") > 1 else (text,)
        if len(parts) == 1:
            return self._scanner.feed(read(self.lines, text), hits)
        return [r for part in parts for r in self._scanner.feed(read(self.lines, part))]

    def _asked(self, raw: bytes, hits: Sequence[bytes], numbers: Sequence[int]) -> Report | None:
        """The line as a report of its own, if a site's signature asks for it and no form does."""
        line = read(self.lines, raw.decode("utf-8", "replace"))
        if not self._scanner.idle and ("+0x" in line.text or line.text[:1].isspace()):
            return None  # a report's own: what is asked for there, the knowledge base finds
        if hits and head(line.text, [each for each in hits if each not in (_BANNER, _CUT)]):
            return None
        found = self.watch.head(line.text, numbers)
        return Report.begin(found, line) if found else None


def _last(watched: Sequence[tuple[int, int]]) -> tuple[int, ...]:
    return watched[-1][:1] if watched else ()


def _span(found: Any) -> tuple[int, int]:
    return found.span() if found is not None else (-1, -1)


@cache
def _wanted() -> Any:
    return re2.compile(trigger().pattern + b"|" + _BANNER + b"|" + re2.escape(_CUT))
