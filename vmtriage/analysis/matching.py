"""Which signatures fit this crash, and what each means for this kernel.

Every match carries one piece of evidence per condition, so that a reader can check it.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from vmtriage.analysis.function import panic_stack
from vmtriage.analysis.incidents import function_at
from vmtriage.analysis.plumbing import base_name
from vmtriage.analysis.signatures import compiled
from vmtriage.analysis.versions import Answer, parse_kernel, verdict
from vmtriage.models.evidence import Confidence, Evidence, Facts
from vmtriage.models.finding import Classification, GuiltyFunction, Throttled
from vmtriage.models.klog import LogRecord
from vmtriage.models.signature import KernelVerdict, Match, Signature, SignatureMatch

_TRACE_LINES = 150  # a call trace in the log is over by then
_FRAME = r"(\? )?\b([A-Za-z_][\w.]*)\+0x[0-9a-f]+(?:/0x[0-9a-f]+)?"
_TRACE_END = r"---\[ end |Kernel panic - not syncing"
_FIXED = "same pattern but this kernel has the fix: another bug, or a regression"
_VERDICT_RANK: dict[KernelVerdict, int] = {"affected": 0, "unknown": 1, "fixed": 2}


@dataclass(frozen=True)
class _Name:
    """A function on the panic task's stack, and the line that shows it."""

    name: str
    module: str | None
    evidence: Evidence


@dataclass
class _Crash:
    """One crash as the conditions see it. Built once, read by every signature."""

    facts: Facts
    classification: Classification
    function: GuiltyFunction | None
    throttled: Sequence[Throttled]
    records: Sequence[LogRecord] = field(init=False)

    def __post_init__(self) -> None:
        self.records = self.facts.log.records if self.facts.log else ()

    @cached_property
    def _log(self) -> tuple[str, list[int]]:
        """The log as one text, and where each record begins: one search instead of thousands."""
        starts, size = [], 0
        texts = [_plain(record.text) for record in self.records]
        for text in texts:
            starts.append(size)
            size += len(text) + 1
        return "\n".join(texts), starts

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
        return next((r for r in self.records if search(_plain(r.text))), None)

    @cached_property
    def panic_texts(self) -> tuple[Evidence, ...]:
        system = self.facts.system
        texts = []
        if system and system.panic:
            texts.append(_said("sys", system.panic_line or 0, system.panic))
        first = self.log_line("Kernel panic - not syncing")
        if first:
            texts.append(_said("log", first.line, first.text))
        return tuple(texts)

    @cached_property
    def stack(self) -> tuple[_Name, ...]:
        """The panic task's functions, innermost first; from the log's trace if there is no bt."""
        names = tuple(self._from_bt())
        return names or tuple(self._from_log())

    def _from_bt(self) -> Iterator[_Name]:
        stack = panic_stack(self.facts)
        if stack is None:
            return
        blocks = {e.after_level: e for e in stack.exceptions if not e.user_mode and not e.bogus}
        for index, frame in enumerate(stack.frames):
            if frame.reliable:
                text = f"#{frame.level} [{frame.stack}] {frame.function} at {frame.address}"
                said = _said(
                    "bt", frame.line, text + (f" [{frame.module}]" if frame.module else "")
                )
                yield _Name(base_name(frame.function), frame.module, said)
            block = blocks.get(frame.level)
            below = stack.frames[index + 1].function if index + 1 < len(stack.frames) else None
            if block is not None and block.function and block.function != below:
                said = _said("bt", block.line, f"[exception RIP: {block.text or block.function}]")
                yield _Name(base_name(block.function), block.module, said)

    def _from_log(self) -> Iterator[_Name]:
        lines = [e.line for e in self.classification.evidence if e.command == "log" and e.line]
        first = min(lines, default=0)
        begun = False
        for record in [r for r in self.records if r.line >= first][:_TRACE_LINES]:
            text = _plain(record.text)
            if begun and compiled(_TRACE_END).search(text):
                return
            found = compiled(_FRAME).search(text)
            if found and not found[1]:
                begun = True
                yield _Name(base_name(found[2]), None, _said("log", record.line, record.text))

    @cached_property
    def faulting(self) -> tuple[_Name, ...]:
        """The functions at the exception RIP, by bt or by the log."""
        stack = panic_stack(self.facts)
        found = [
            _Name(
                base_name(block.function), block.module,
                _said("bt", block.line, f"[exception RIP: {block.text or block.function}]"),
            )
            for block in (stack.exceptions if stack else ())
            if block.function and not block.user_mode and not block.bogus
        ]  # fmt: skip
        if not found:
            for record in self.records:
                name = function_at(record.text) if "+0x" in record.text else None
                if name:
                    said = _said("log", record.line, record.text)
                    found.append(_Name(base_name(name), None, said))
                    break
        return tuple(found)

    @cached_property
    def modules(self) -> tuple[tuple[str, Evidence], ...]:
        tainting = self.facts.modules.modules if self.facts.modules else ()
        rows = [(m.name, _said("mod -t", m.line, f"{m.name}  {m.taints}")) for m in tainting]
        return (*rows, *((n.module, n.evidence) for n in self.stack if n.module))

    @property
    def release(self) -> Evidence | None:
        system = self.facts.system
        if system is None or not system.release:
            return None
        return _said("sys", system.release_line or 0, f"RELEASE: {system.release}")


def _plain(text: str) -> str:
    """RE2 takes UTF-8 only: half characters from a broken dump become question marks."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def _said(command: str, line: int, text: str, says: str = "") -> Evidence:
    return Evidence(command=command, line=line, text=text.strip(), says=says)


def match_all(
    signatures: Sequence[Signature],
    facts: Facts,
    classification: Classification,
    function: GuiltyFunction | None,
    throttled: Sequence[Throttled],
) -> tuple[SignatureMatch, ...]:
    """All signatures that fit, best first; those a better one supersedes are left out."""
    crash = _Crash(facts, classification, function, throttled)
    system = facts.system
    kernel = parse_kernel(system.release if system else None, system.version if system else None)
    found: list[tuple[Signature, tuple[Evidence, ...], Answer]] = []
    for signature in signatures:
        if signature.status == "retired":
            continue
        evidence = conditions(signature.match, crash)
        if evidence is not None:
            found.append((signature, evidence, verdict(kernel, signature.kernels)))
    # a known bug this kernel is rid of explains nothing, so it hides nothing either
    hidden = {
        other
        for signature, _, answer in found
        if answer[0] != "fixed" and signature.status == "stable"
        for other in signature.supersedes
    }
    kept = [each for each in found if each[0].id not in hidden]
    kept.sort(key=lambda each: _rank(*each))
    return tuple(_result(*each) for each in kept)


def _rank(
    signature: Signature, evidence: Sequence[Evidence], answer: Answer
) -> tuple[bool, bool, int, int, str]:
    return (
        signature.generic,
        signature.status != "stable",
        _VERDICT_RANK[answer[0]],
        -len(evidence),
        signature.id,
    )


def _result(signature: Signature, evidence: tuple[Evidence, ...], answer: Answer) -> SignatureMatch:
    kernel, reason, fixed_in = answer
    confidence: Confidence = "low" if signature.status == "draft" else "medium"
    if signature.generic:
        reason = "a class of crash, not one bug: no kernel version settles it"
    elif kernel == "fixed":
        confidence, reason = "low", f"{reason}; {_FIXED}"
    elif kernel == "affected" and signature.status == "stable":
        confidence = "high"
    return SignatureMatch(
        id=signature.id, title=signature.title, status=signature.status,
        generic=signature.generic, confidence=confidence, kernel=kernel, kernel_reason=reason,
        fixed_in=fixed_in, what=signature.what, do_now=signature.do_now,
        do_for_good=signature.do_for_good, usually_caused_by=signature.usually_caused_by,
        refuted_by=signature.refuted_by, references=signature.references,
        upstream=signature.upstream, evidence=evidence,
    )  # fmt: skip


Found = tuple[Evidence, ...] | None  # None: the condition does not hold


def conditions(match: Match, crash: _Crash) -> Found:
    """Evidence for every condition of a signature, or None as soon as one does not hold."""
    evidence: list[Evidence] = []
    for check in _CHECKS:
        found = check(match, crash)
        if found is None:
            return None
        evidence += found
    if match.any_of:
        inner = next((f for m in match.any_of if (f := conditions(m, crash)) is not None), None)
        if inner is None:
            return None
        evidence += inner
    if any(conditions(each, crash) is not None for each in match.none_of):
        return None
    return tuple(dict.fromkeys(evidence))


def _classes(match: Match, crash: _Crash) -> Found:
    if not match.classes:
        return ()
    if crash.classification.crash_class not in match.classes:
        return None
    says = f"the crash is of the class {crash.classification.crash_class.value}"
    return tuple(e.model_copy(update={"says": says}) for e in crash.classification.evidence[:1])


def _release(match: Match, crash: _Crash) -> Found:
    if not match.release:
        return ()
    said = crash.release
    name = crash.facts.system.release if crash.facts.system else None
    if said is None or not name or not any(compiled(p).search(name) for p in match.release):
        return None
    return (said.model_copy(update={"says": "the kernel release fits"}),)


def _throttled(match: Match, crash: _Crash) -> Found:
    if match.throttled is None:
        return ()
    if crash.facts.group_run_queues is None or bool(crash.throttled) is not match.throttled:
        return None  # not looked at is not the same as none
    if not crash.throttled:
        return (_said("runq -g", 0, "no (THROTTLED)", "no group is throttled"),)
    first = crash.throttled[0].evidence
    return tuple(e.model_copy(update={"says": "a group is throttled"}) for e in first[:1])


def _panic(match: Match, crash: _Crash) -> Found:
    if not match.panic:
        return ()
    for said in crash.panic_texts:
        if any(compiled(p).search(_plain(said.text)) for p in match.panic):
            return (said.model_copy(update={"says": "the panic text fits"}),)
    return None


def _function(match: Match, crash: _Crash) -> Found:
    if not match.function:
        return ()
    guilty = crash.function
    names = (guilty.name, *guilty.alternatives) if guilty else ()
    if guilty is None or not any(_fits(p, n) for p in match.function for n in names):
        return None
    said = guilty.evidence[0] if guilty.evidence else _said("bt", 0, guilty.name)
    return (said.model_copy(update={"says": f"the guilty function is {guilty.name}"}),)


def _exception(match: Match, crash: _Crash) -> Found:
    if not match.exception:
        return ()
    for each in crash.faulting:
        if any(_fits(p, each.name) for p in match.exception):
            return (each.evidence.model_copy(update={"says": f"the CPU was in {each.name}"}),)
    return None


def _stack(match: Match, crash: _Crash) -> Found:
    if any(_fits(p, each.name) for p in match.stack_exclude for each in crash.stack):
        return None
    evidence, rest = [], iter(crash.stack)
    for pattern in match.stack:
        hit = next((each for each in rest if _fits(pattern, each.name)), None)
        if hit is None:
            return None
        says = f"{hit.name} is on the stack, in this order"
        evidence.append(hit.evidence.model_copy(update={"says": says}))
    return tuple(evidence)


def _fits(pattern: str, name: str) -> bool:
    return compiled(pattern, whole=True).search(_plain(base_name(name))) is not None


def _modules(match: Match, crash: _Crash) -> Found:
    if not match.modules:
        return ()
    for name, said in crash.modules:
        if any(_fits(p, name) for p in match.modules):
            return (said.model_copy(update={"says": f"the module {name} is involved"}),)
    return None


def _log(match: Match, crash: _Crash) -> Found:
    evidence = []
    if match.log:
        first = next((r for p in match.log if (r := crash.log_line(p))), None)
        if first is None:
            return None
        evidence.append(_said("log", first.line, first.text, "the log has the line"))
    for pattern in match.log_all:
        line = crash.log_line(pattern)
        if line is None:
            return None
        evidence.append(_said("log", line.line, line.text, "the log has the line"))
    return tuple(evidence)


# Cheap ones first: most signatures are out before the log is searched.
_CHECKS: tuple[Callable[[Match, _Crash], Found], ...] = (
    _classes, _release, _throttled, _panic, _function, _exception, _stack, _modules, _log,
)  # fmt: skip
