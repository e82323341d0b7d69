"""One report in the log: its first line, its body, and when it is over."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from vmtriage.analysis.klog import frames
from vmtriage.analysis.klog.heads import Head
from vmtriage.parsers.klog_line import Line

_JOIN_LINES = 12  # the lines a report's head may have before its trace begins
# Lines of others in a row, after which the report is over: with its trace told, without, and for
# the last words, which have their trace right after them or none.
_QUIET, _PATIENCE, _LAST = 10, 25, 8
# What stands in reports besides code: registers, dumps, lock lists, headings, anything indented.
_OWN = re.compile(
    r"\s|$|[<>({\[^=-]|#\d|x\d|[rR]\d|[A-Z][A-Z0-9]{1,4}:? "
    r"|(?:Code|CPU|Pid|Process|Stack|Modules|Hardware|Workqueue|Call|Backtrace"
    r"|task|Task|Sending|NMI|Showing|Allocated|Freed|The|Memory|page|flags"
    r"|raw|irq|hardirqs|softirqs|other|stack|but|which|and|locks?|no|pstate|sp|pc|lr|Internal"
    r"|rcu|Oops|Dumping|Last|Exception|INFO|Register|Redzone|Object|Padding|Bytes|Uninit|Local)\b"
    r"|ff+[0-9a-f]{6}"
)
_LONG = 1000  # bodies longer than this are no traces (the OOM killer's tables)
_END = re.compile(r"---\[ end (?:trace|Kernel panic)")


@dataclass
class Report:
    """Lines of one context, from a head on. Heads right after the first one add to it."""

    head: Head
    lines: list[Line]
    heads: list[Head] = field(default_factory=list)
    traced: bool = False
    cut: bool = False  # the log ended before anything showed that the report was over
    _quiet: int = 0  # lines since the last one that names code
    last_seen: int = 0  # the log's line number when something was added last
    said: tuple[Line, ...] = ()  # before the head: what a WARN() says of itself

    @classmethod
    def begin(cls, head: Head, line: Line, said: Sequence[Line] = ()) -> "Report":
        """A report that has its first line only, and what was said before it."""
        return cls(head, [line], [head], last_seen=line.number, said=tuple(said))

    def takes(self, head: Head) -> bool:
        """Whether this head is one more line of this report, not the begin of the next."""
        if head.form.final:
            return not (self.head.form.final or self.traced) and self._young
        if not head.form.body:
            return False
        if head.form.tail:
            return head.form.crash_class is self.head.form.crash_class
        if self.head.form.final and head.form.crash_class is not self.head.form.crash_class:
            return False
        if head.form.severity == "panic" and self.head.form.severity != "panic":
            return False  # a fault of its own, not a word more of a lesser report
        return not self.traced and self._young

    def broken_by(self, head: Head) -> bool:
        """Whether such a head may stand in this trace: of another CPU that dies of the same."""
        form = self.head.form
        return self.traced and not head.form.final and form.crash_class is head.form.crash_class

    @property
    def _young(self) -> bool:
        return len(self.lines) <= _JOIN_LINES

    def join(self, head: Head, line: Line) -> None:
        """One more head: the better ranked one names the report."""
        self.heads.append(head)
        if head.rank < self.head.rank and not head.form.final:
            self.head = head
        self.add(line)

    def add(self, line: Line) -> bool:
        """One more line of the body. True: it was the last one."""
        lines, text = self.lines, line.text
        lines.append(line)
        self.last_seen = line.number
        if "+0x" in text:
            self._quiet = 0
            if not self.traced and frames.frame(text):
                self.traced = not lines[-2].text.rstrip().endswith(" at:")
        elif _OWN.match(text):
            self._quiet = 0
            if "---[ end" in text and _END.search(text):
                return True
        else:
            self._quiet += 1
            limit = _QUIET if self.traced else _LAST if self.head.form.final else _PATIENCE
            if self._quiet > limit and self.head.form.body <= _LONG:
                return True
        return len(lines) > self.head.form.body

    @property
    def panicked(self) -> bool:
        """Whether the kernel panicked over it before it was told to the end."""
        return any(each.form.final for each in self.heads)
