"""What a report's lines say about code: program counter, link register, call traces, lock sites."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from vmtriage.analysis.klog import frames
from vmtriage.analysis.klog.frames import Found
from vmtriage.parsers.klog_line import Line

_BREAK = re.compile(
    r"^\s*(?:Allocated by|Freed by|Last potentially|Second to last|The buggy address"
    r"|Uninit was|page last |Local variable|Bytes \d|which lock already|the existing dependency"
    r"|Showing all|NMI backtrace for|Sending NMI|Task dump for|to a |but task is|stack backtrace"
    r"|Possible unsafe|-> #\d+ |other info|rcu: RCU|INFO: |\.\.\. which|.* state was registered)"
)
_SUMMARY = re.compile(r"^\s*(?:RIP|EIP:) +\[<")  # said once more when the oops is over
_NOT_THE_STUCK = re.compile(r"grace-period kthread stack dump")
_WAITERS = frozenset({"rcu_gp_kthread", "rcu_gp_fqs_loop"})
_ASLEEP = frozenset({"schedule", "__schedule", "schedule_timeout", "__switch_to"})
_STACK_HEAD = re.compile(r"^\s*(?:Call [Tt]race|Backtrace|[Ss]tack backtrace|stack backtrace)")


@dataclass(frozen=True)
class Trace:
    """One call trace, innermost first. label: the line that announced it."""

    frames: tuple[Found, ...]  # `?` frames among them, told apart by `certain`
    label: str = ""
    inner: int | None = None  # frames before an exception inside this trace
    waits: bool = False  # the stack of a thread that only waits for its turn

    @property
    def certain(self) -> tuple[Found, ...]:
        """Frames the kernel unwound; all of them if it could unwind none."""
        sure = tuple(each for each in self.frames if each.certain)
        return sure or self.frames

    @property
    def before(self) -> tuple[Found, ...]:
        """Frames above the exception inside the trace; all of them if there is none."""
        return tuple(f for f in self.frames[: self.inner] if f.certain) or self.certain

    @property
    def below(self) -> tuple[Found, ...]:
        """Frames from the exception inside the trace on; empty if there is none."""
        return (
            () if self.inner is None else tuple(f for f in self.frames[self.inner :] if f.certain)
        )


@dataclass(frozen=True)
class Code:
    """All of it, for one report. pc: the faulting one, which stands before the first trace."""

    pc: Found | None
    lr: Found | None
    traces: tuple[Trace, ...]

    @property
    def stack(self) -> Trace | None:
        """The report's own call trace: the first that is announced as one."""
        own = [each for each in self.traces if not each.waits]
        announced = (each for each in own if _STACK_HEAD.match(each.label))
        return next(announced, own[0] if own else None)


def read_code(lines: Sequence[Line]) -> Code:
    """Reads the body of a report."""
    reader = _Reader()
    for line in lines:
        reader.line(line.text)
    reader.close()
    return Code(reader.pc, reader.lr, tuple(reader.traces))


def _caller(text: str) -> Found | None:
    """`caller is func+0x1/0x2`: the place a check of the running context was made at."""
    return next(frames.named(text), None) if text.startswith("caller is ") else None


class _Reader:
    def __init__(self) -> None:
        self.pc: Found | None = None
        self.lr: Found | None = None
        self.traces: list[Trace] = []
        self._frames: list[Found] = []
        self._inner: int | None = None
        self._label = ""
        self._waits = False
        self._previous = ""

    def line(self, text: str) -> None:
        previous, self._previous = self._previous, text
        begins = frames.begins_trace(text)
        found = frames.frame(text)
        if begins and self._frames:
            self.close()
        if begins or _BREAK.match(text):
            self._labelled(text)
        if found is not None:
            # `Preemption disabled at:` and its like name one place, they begin no trace
            if self._frames or not previous.rstrip().endswith(" at:"):
                self._frames.append(found)
        elif at := frames.pc(text) or _caller(text):
            self._pointer(text, at)
        elif self.lr is None and not self.traces and (link := frames.link(text)):
            self.lr = link

    def _labelled(self, text: str) -> None:
        if not frames.begins_trace(text):
            self.close()
            self._waits = _NOT_THE_STUCK.search(text) is not None
        self._label = text

    def _pointer(self, text: str, at: Found) -> None:
        if _SUMMARY.match(text):
            self.pc = self.pc or at
        elif self._frames and not self._label and self.pc is None:
            self._frames, self.pc = [], at  # somebody else's trace ran into ours
        elif self._frames:
            if self._inner is None:
                self._inner = len(self._frames)  # the interrupted code: the trace goes on
            self._frames.append(at)
        elif self.pc is None and not self.traces:
            self.pc = at
        elif self.traces and not self._frames:
            self._frames.append(at)

    def close(self) -> None:
        if self._frames:
            names = {each.name for each in self._frames}
            # awake, it may be what is stuck, or an interrupt may be stuck on top of it
            waits = self._waits or bool(names & _WAITERS and names & _ASLEEP)
            trace = Trace(tuple(self._frames), self._label, self._inner, waits)
            self.traces.append(trace)
        self._frames, self._inner, self._label = [], None, ""
