"""Lines in, reports out: contexts that print at the same time are kept apart.

With PRINTK_CALLER every line names its task or CPU, and a report is made of its own caller's
lines only. Memory is bounded: few reports are open at a time, each with a bounded body.
"""

from collections.abc import Iterator

from vmtriage.analysis.klog.heads import Head, head, interesting
from vmtriage.analysis.klog.report import Report
from vmtriage.parsers.klog_line import Line

_OPEN = 32  # reports at a time
_SILENCE = 3000  # lines of others after which a report is over


class Scanner:
    """Feed it lines in order; each report comes out when it is complete."""

    def __init__(self) -> None:
        self._open: dict[str | None, Report] = {}

    @property
    def idle(self) -> bool:
        """No report is open: lines without a trigger need not be fed."""
        return not self._open

    def feed(self, line: Line, *, looked: bool | None = None) -> Iterator[Report]:
        """Takes one line. looked: whether it is known to (not) hold a trigger."""
        is_head = interesting(line.text) if looked is None else looked
        claimed = head(line.text) if is_head else None
        report = self._open.get(line.caller)
        if report is None and line.caller is None and len(self._open) == 1:
            report = next(iter(self._open.values()))  # a line that lost its prefix
        if claimed is None:
            if report is not None:
                report.add(line)
                if report.full:
                    yield self._close(report)
            if self._open and line.number % 256 == 0:
                yield from self._stale(line.number)
            return
        yield from self._claimed(claimed, line, report)

    def _claimed(self, claimed: Head, line: Line, report: Report | None) -> Iterator[Report]:
        if report is not None and report.takes(claimed):
            report.join(claimed, line)
            return
        if report is not None and _inside(claimed, report):
            report.add(line)
            return
        if not claimed.form.body:
            yield Report.begin(claimed, line)
            return
        if report is not None:
            yield self._close(report)
        if claimed.form.final:
            yield from self.finish()
        while len(self._open) >= _OPEN:
            yield self._close(next(iter(self._open.values())))
        self._open[line.caller] = Report.begin(claimed, line)

    def finish(self) -> Iterator[Report]:
        """The reports still open at the end of the log."""
        while self._open:
            yield self._close(next(iter(self._open.values())))

    def _close(self, report: Report) -> Report:
        for caller, each in self._open.items():
            if each is report:
                del self._open[caller]
                break
        return report

    def _stale(self, number: int) -> Iterator[Report]:
        for report in [r for r in self._open.values() if number - r.last_seen > _SILENCE]:
            yield self._close(report)


def _inside(claimed: Head, report: Report) -> bool:
    """A line that only sounds like a head, inside a report: its call trace, its RIP."""
    return claimed.form.id == "unclaimed-trace" and not report.full
