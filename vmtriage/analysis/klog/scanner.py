"""Lines in, reports out: contexts that print at the same time are kept apart.

With PRINTK_CALLER every line names its task or CPU, and a report is made of its own caller's
lines only. Memory is bounded: few reports are open at a time, each with a bounded body.
"""

import re
from collections.abc import Sequence

from vmtriage.analysis.klog.heads import Head, head, literals
from vmtriage.analysis.klog.report import Report
from vmtriage.parsers.klog_line import Line

_OPEN = 32  # reports at a time
_NONE: tuple[Report, ...] = ()
CUT = "[ cut here ]"  # a WARN() or BUG() begins; its own words may stand before its head
_WORDS = 3  # lines of them that are kept
_ELSEWHERE = 60  # lines of others among them
_SILENCE = 3000  # lines of others after which a report is over
# What no report begins with: registers, frames, the marks of a stack.
_MIDDLE = re.compile(
    r"\s*(?:[A-Z][A-Z0-9]{1,3}: ?[0-9a-f]{4}|Code: |</?[A-Z]+>|[^:]*\+0x[0-9a-f]+/0x)"
)


class Scanner:
    """Feed it lines in order; each report comes out when it is complete."""

    def __init__(self) -> None:
        self._open: dict[str | None, Report] = {}
        self._last_words: str | None = None  # of the last panic
        self._cut: Line | None = None
        self._said: list[Line] = []
        self._broken: Report | None = None  # whose trace the head before this line stands in

    @property
    def idle(self) -> bool:
        """No report is open or begins: lines without a trigger need not be fed."""
        return not self._open and self._cut is None

    def feed(self, line: Line, hits: Sequence[bytes] | None = None) -> Sequence[Report]:
        """Takes one line. hits: the trigger's literals in it; None: nobody has looked yet."""
        if hits is None:
            hits = literals(line.text)
        claimed = head(line.text, hits) if hits else None
        if claimed is not None and claimed.form.final and self._echo(line.text):
            claimed = None
        said = self._words(line, claimed)
        over = self._mended(self._broken, line, claimed) if self._broken is not None else _NONE
        report = self._open.get(line.caller)
        if report is None and line.caller is None and len(self._open) == 1:
            report = next(iter(self._open.values()))  # a line that lost its prefix
        if claimed is not None:
            return (*over, *self._claimed(claimed, line, report, said))
        done = list(over)
        if report is not None and report.add(line):
            done.append(self._close(report))
        if self._open and not line.number % 256:
            done += self._stale(line.number)
        return done or _NONE

    def _words(self, line: Line, claimed: Head | None) -> Sequence[Line]:
        """Keeps what follows a cut; gives it to the head that ends it."""
        if CUT in line.text:
            self._cut, self._said = line, []
        elif self._cut is not None and self._cut.caller == line.caller:
            said = self._said
            if claimed is not None or len(said) >= _WORDS:
                self._cut, self._said = None, []
                return said
            said.append(line)
        elif self._cut is not None and line.number - self._cut.number > _ELSEWHERE:
            self._cut, self._said = None, []
        return ()

    def _claimed(
        self, claimed: Head, line: Line, report: Report | None, said: Sequence[Line]
    ) -> Sequence[Report]:
        if report is not None and report.takes(claimed):
            report.join(claimed, line)
            return _NONE
        if report is not None and _inside(claimed):
            return (self._close(report),) if report.add(line) else _NONE
        if not claimed.form.body:
            return (Report.begin(claimed, line, said),)
        done = [] if report is None else [self._close(report)]
        if report is not None and report.broken_by(claimed) and line.caller is None:
            self._broken = done.pop()
        if claimed.form.final:
            done += self.finish()
        while len(self._open) >= _OPEN:
            done.append(self._close(next(iter(self._open.values()))))
        self._open[line.caller] = Report.begin(claimed, line, said)
        return done

    def _mended(self, broken: Report, line: Line, claimed: Head | None) -> Sequence[Report]:
        """One that a head, in the line before, broke into: it goes on with it, or it was over."""
        self._broken = None
        if claimed is not None or line.caller is not None or not _MIDDLE.match(line.text):
            return (broken,)
        by = self._open[None]
        broken.join(by.head, by.lines[0])
        self._open[None] = broken
        return _NONE

    def _echo(self, text: str) -> bool:
        """Whether these are the words of the last panic once more, in its end mark."""
        if text.startswith("---[ end"):
            return self._last_words is not None and self._last_words in text
        self._last_words = text.partition("not syncing")[2].strip(" :")
        return False

    def finish(self, *, cut: bool = False) -> Sequence[Report]:
        """The reports still open. cut: because the log, or the boot, ends here."""
        broken = () if self._broken is None else (self._broken,)
        left, self._broken = (*broken, *self._open.values()), None
        for each in left:
            each.cut = cut
        self._open.clear()
        self._cut, self._said = None, []
        return left

    def _close(self, report: Report) -> Report:
        for caller, each in self._open.items():
            if each is report:
                del self._open[caller]
                break
        return report

    def _stale(self, number: int) -> list[Report]:
        old = [each for each in self._open.values() if number - each.last_seen > _SILENCE]
        return [self._close(each) for each in old]


def _inside(claimed: Head) -> bool:
    """A line that only sounds like a head, inside a report: its call trace."""
    return claimed.form.id == "unclaimed-trace"
