"""One report in the log: its first line, its body, and when it is over."""

import re
from dataclasses import dataclass, field

from vmtriage.analysis.klog import frames
from vmtriage.analysis.klog.heads import Head
from vmtriage.parsers.klog_line import Line

_JOIN_LINES = 12  # the lines a report's head may have before its trace begins
_QUIET = 60  # lines without any code, after a trace: the report is over
_LONG = 1000  # bodies longer than this are no traces (the OOM killer's tables)
_END = re.compile(r"---\[ end (?:trace|Kernel panic)")


@dataclass
class Report:
    """Lines of one context, from a head on. Heads right after the first one add to it."""

    head: Head
    lines: list[Line]
    heads: list[Head] = field(default_factory=list)
    traced: bool = False
    ended: bool = False
    _quiet: int = 0  # lines since the last one that names code
    last_seen: int = 0  # the log's line number when something was added last

    @classmethod
    def begin(cls, head: Head, line: Line) -> "Report":
        """A report that has its first line only."""
        return cls(head, [line], [head], last_seen=line.number)

    def takes(self, head: Head) -> bool:
        """Whether this head is one more line of this report, not the begin of the next."""
        if head.form.final:
            return not (self.head.form.final or self.traced or self.ended) and self._young
        if not head.form.body:
            return False
        if head.form.tail:
            return head.form.crash_class is self.head.form.crash_class
        if self.head.form.final and head.form.crash_class is not self.head.form.crash_class:
            return False
        if head.form.severity == "panic" and self.head.form.severity != "panic":
            return False  # a fault of its own, not a word more of a lesser report
        return not self.traced and not self.ended and self._young

    @property
    def _young(self) -> bool:
        return len(self.lines) <= _JOIN_LINES

    def join(self, head: Head, line: Line) -> None:
        """One more head: the better ranked one names the report."""
        self.heads.append(head)
        if head.rank < self.head.rank and not head.form.final:
            self.head = head
        self.add(line)

    def add(self, line: Line) -> None:
        """One more line of the body."""
        self.lines.append(line)
        self.last_seen = line.number
        if "+0x" in line.text:
            self._quiet = 0
            if not self.traced and frames.frame(line.text):
                self.traced = not self.lines[-2].text.rstrip().endswith(" at:")
        else:
            self._quiet += 1
        if "---[ end" in line.text and _END.search(line.text):
            self.ended = True

    @property
    def panicked(self) -> bool:
        """Whether the kernel panicked over it before it was told to the end."""
        return any(each.form.final for each in self.heads)

    @property
    def full(self) -> bool:
        """Whether nothing more can belong to it."""
        over = self.traced and self._quiet > _QUIET and self.head.form.body <= _LONG
        return self.ended or over or len(self.lines) > self.head.form.body
