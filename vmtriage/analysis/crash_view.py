"""One crash as signatures see it: texts, stack and modules, each with the line that shows it."""

from bisect import bisect_right
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from vmtriage.analysis.fromlog import release_record
from vmtriage.analysis.function import panic_stack
from vmtriage.analysis.incidents import function_at
from vmtriage.analysis.machine_view import Share, Slab, biggest_slabs, shares, taint
from vmtriage.analysis.patterns import compiled, plain
from vmtriage.analysis.plumbing import base_name
from vmtriage.models.evidence import Evidence, Facts
from vmtriage.models.finding import Classification, GuiltyFunction, Throttled
from vmtriage.models.klog import LogRecord

_TRACE_LINES = 150  # a call trace in the log is over by then
_FRAME = r"(\? )?\b([A-Za-z_][\w.]*)\+0x[0-9a-f]+(?:/0x[0-9a-f]+)?"
_TRACE_END = r"---\[ end |Kernel panic - not syncing"


@dataclass(frozen=True)
class Named:
    """A function on the panic task's stack, and the line that shows it."""

    name: str
    module: str | None
    evidence: Evidence


@dataclass
class CrashView:
    """One crash as the conditions see it. Built once, read by every signature."""

    facts: Facts
    classification: Classification
    function: GuiltyFunction | None
    throttled: Sequence[Throttled]
    own: Container[int] | None = None  # lines of the crash's own report in the log
    records: Sequence[LogRecord] = field(init=False)

    def __post_init__(self) -> None:
        self.records = self.facts.log.records if self.facts.log else ()

    @cached_property
    def _log(self) -> tuple[str, list[int]]:
        """The log as one text, and where each record begins: one search instead of thousands."""
        starts, size = [], 0
        texts = [plain(record.text) for record in self.records]
        for text in texts:
            starts.append(size)
            size += len(text) + 1
        return "\n".join(texts), starts

    @cached_property
    def text(self) -> str:
        """All text that `log` and `panic` patterns are searched in."""
        return "\n".join([self._log[0], *(plain(each.text) for each in self.panic_texts)])

    def log_line(self, pattern: str) -> LogRecord | None:
        """The first log record in which the pattern is found."""
        text, starts = self._log
        found = compiled(pattern).search(text)
        if found is None:
            return None
        if "\n" not in found[0] and found[0]:
            return self.records[bisect_right(starts, found.start()) - 1]
        # a class like [^x] ran over the end of a line: look at each line for itself
        search = compiled(pattern).search
        return next((r for r in self.records if search(plain(r.text))), None)

    @cached_property
    def panic_texts(self) -> tuple[Evidence, ...]:
        """The panic message by `sys` and by the log."""
        system = self.facts.system
        texts = []
        if system and system.panic:
            texts.append(said_by("sys", system.panic_line or 0, system.panic))
        first = self.log_line("Kernel panic - not syncing")
        if first:
            texts.append(said_by("log", first.line, first.text))
        return tuple(texts)

    @cached_property
    def stack(self) -> tuple[Named, ...]:
        """The panic task's functions, innermost first; from the log's trace if there is no bt."""
        names = tuple(self._from_bt())
        return names or tuple(self._from_log())

    def _from_bt(self) -> Iterator[Named]:
        stack = panic_stack(self.facts)
        if stack is None:
            return
        blocks = {e.after_level: e for e in stack.exceptions if not e.user_mode and not e.bogus}
        for index, frame in enumerate(stack.frames):
            if frame.reliable:
                text = f"#{frame.level} [{frame.stack}] {frame.function} at {frame.address}"
                said = said_by(
                    "bt", frame.line, text + (f" [{frame.module}]" if frame.module else "")
                )
                yield Named(base_name(frame.function), frame.module, said)
            block = blocks.get(frame.level)
            below = stack.frames[index + 1].function if index + 1 < len(stack.frames) else None
            if block is not None and block.function and block.function != below:
                said = said_by("bt", block.line, f"[exception RIP: {block.text or block.function}]")
                yield Named(base_name(block.function), block.module, said)

    def _from_log(self) -> Iterator[Named]:
        lines = [e.line for e in self.classification.evidence if e.command == "log" and e.line]
        first = min(lines, default=0)
        begun = False
        for record in [r for r in self.records if r.line >= first][:_TRACE_LINES]:
            text = plain(record.text)
            if begun and compiled(_TRACE_END).search(text):
                return
            found = compiled(_FRAME).search(text)
            if found and not found[1]:
                begun = True
                yield Named(base_name(found[2]), None, said_by("log", record.line, record.text))

    @cached_property
    def faulting(self) -> tuple[Named, ...]:
        """The functions at the exception RIP, by bt or by the log."""
        stack = panic_stack(self.facts)
        found = [
            Named(
                base_name(block.function), block.module,
                said_by("bt", block.line, f"[exception RIP: {block.text or block.function}]"),
            )
            for block in (stack.exceptions if stack else ())
            if block.function and not block.user_mode and not block.bogus
        ]  # fmt: skip
        if not found:
            for record in self.records:
                name = function_at(record.text) if "+0x" in record.text else None
                if name:
                    said = said_by("log", record.line, record.text)
                    found.append(Named(base_name(name), None, said))
                    break
        return tuple(found)

    @cached_property
    def modules(self) -> tuple[tuple[str, Evidence], ...]:
        """Modules that taint the kernel, then those on the stack."""
        tainting = self.facts.modules.modules if self.facts.modules else ()
        rows = [(m.name, said_by("mod -t", m.line, f"{m.name}  {m.taints}")) for m in tainting]
        return (*rows, *((n.module, n.evidence) for n in self.stack if n.module))

    @cached_property
    def names(self) -> frozenset[str]:
        """Every function that `stack`, `exception` and `function` patterns can fit."""
        guilty = (self.function.name, *self.function.alternatives) if self.function else ()
        named = (each.name for each in (*self.stack, *self.faulting))
        return frozenset(plain(base_name(name)) for name in (*named, *guilty))

    @cached_property
    def taint(self) -> Mapping[str, Evidence] | None:
        """Taint letters that are set, with the line of each; None: nothing tells."""
        return taint(self.facts)

    @cached_property
    def shares(self) -> Mapping[str, Share]:
        """Memory in percent, as far as it is known."""
        return shares(self.facts)

    @cached_property
    def slabs(self) -> tuple[Slab, ...] | None:
        """The biggest slab caches; None when they were not read."""
        return biggest_slabs(self.facts)

    @property
    def release(self) -> Evidence | None:
        """The kernel release."""
        system = self.facts.system
        if system is None or not system.release:
            return None
        record = release_record(self.facts) if system.release_line is None else None
        if record is not None:
            return said_by("log", record.line, record.text)
        return said_by("sys", system.release_line or 0, f"RELEASE: {system.release}")


def said_by(command: str, line: int, text: str, says: str = "") -> Evidence:
    """One line as evidence; what it says is the condition's to tell."""
    return Evidence(command=command, line=line, text=text.strip(), says=says)
