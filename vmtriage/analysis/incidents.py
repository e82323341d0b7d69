"""Incidents in the kernel log: each message form found, with the function its trace points at."""

import re
from collections.abc import Iterator, Sequence

from vmtriage.analysis import plumbing
from vmtriage.analysis.formats import FORMATS, TRIGGER, Format
from vmtriage.models.finding import CrashClass, Incident
from vmtriage.models.klog import KernelLog, LogRecord

_SAME_REPORT = 3  # lines
_BLOCK_LINES = 120  # a trace is over by then
_NAME = r"(?P<fn>[A-Za-z_][\w.]*)\+0x[0-9a-f]+"
# Where the CPU was, in every architecture's spelling: arch/*/kernel/{process,traps}.c
_AT = re.compile(
    r"^(?:(?:RIP: [0-9a-f]{4}:|RIP: [0-9a-f]{4}:?\[<[0-9a-f]*>\] +\[<[0-9a-f]*>\] )(?P<rest>.*)"
    r"|(?:E?IP|RIP|EIP is at|PC is at|pc ?:|epc ?:|NIP \[[0-9a-f]+\]|lr ?:).*?\b" + _NAME + ")"
)
_TRACE = re.compile(r"^\s*(?:\[<[0-9a-f]*>\] )?(?P<maybe>\? )?" + _NAME)
_PSW = re.compile(r"^Krnl PSW : .*\(" + _NAME)
_MODULE = re.compile(r"\[(?P<module>[A-Za-z][\w-]*)\]\s*$")
_CPU_LINE = re.compile(
    r"^CPU: (?P<cpu>\d+) PID: (?P<pid>\d+) Comm: (?P<comm>.*?)(?: Tainted| Not tainted|$)"
)
_END = re.compile(r"---\[ end |Kernel panic - not syncing")


def trace_functions(records: Sequence[LogRecord]) -> tuple[str, ...]:
    """Functions of the first call trace in these records, innermost first, `?` frames left out."""
    found: list[str] = []
    for record in records:
        name = function_at(record.text) or _traced(record.text)
        if name and (not found or found[-1] != name):
            found.append(name)
    return tuple(found)


def _traced(text: str) -> str | None:
    match = _TRACE.match(text)
    return match["fn"] if match and not match["maybe"] else None


def function_at(text: str) -> str | None:
    """The function in a RIP/PC/NIP line, None for any other line."""
    if match := _PSW.match(text):
        return match["fn"]
    match = _AT.match(text)
    if match is None:
        return None
    if match["fn"]:
        return match["fn"]
    inner = re.search(_NAME, match["rest"] or "")
    return inner["fn"] if inner else None


def guilty(names: Sequence[str], crash_class: CrashClass) -> str | None:
    """The first function to blame in a trace: carriers, locks and helpers are passed over."""
    plain = [plumbing.base_name(name) for name in names]
    start = max((i + 1 for i, name in enumerate(plain) if name in plumbing.PROBE), default=0)
    kept = [
        name
        for name in plain[start:]
        if name not in plumbing.CARRIERS and name not in plumbing.PASS_THROUGH
    ]
    if crash_class in (CrashClass.HARD_LOCKUP, CrashClass.SOFT_LOCKUP, CrashClass.RCU_STALL):
        anchor = next((name for name in plumbing.LOCKUP_ANCHORS if name in kept[:6]), None)
        if anchor:
            return anchor
    return kept[0] if kept else None


def find(log: KernelLog) -> tuple[Incident, ...]:
    """All incidents in order of their first line."""
    heads = list(_heads(log.records))
    incidents: list[Incident] = []
    for number, (at, form, match) in enumerate(heads):
        later = [head[0] for head in heads[number + 1 : number + 4]]
        # The WARNING or BUG line right after a report belongs to it: its trace is the report's.
        following = next((each for each in later if each - at > _SAME_REPORT), len(log.records))
        block = log.records[at : min(following, at + _BLOCK_LINES)]
        incidents.append(_incident(form, match, block))
    return tuple(incidents)


def _heads(records: Sequence[LogRecord]) -> Iterator[tuple[int, Format, re.Match[str]]]:
    for at, record in enumerate(records):
        if not TRIGGER.search(record.text):
            continue
        for form in FORMATS:
            if match := form.pattern.search(record.text):
                yield at, form, match
                break


def _incident(form: Format, match: re.Match[str], block: Sequence[LogRecord]) -> Incident:
    fields = match.groupdict()
    names = trace_functions(block[1:])
    function = fields.get("fn") or guilty(names, form.crash_class)
    last = next((r.line for r in block[1:] if _END.search(r.text)), block[-1].line)
    who = next((m for r in block[1:] if (m := _CPU_LINE.match(r.text))), None)
    cpu = fields.get("cpu") or fields.get("cpu2") or (who["cpu"] if who else None)
    pid = fields.get("pid") or (who["pid"] if who else None)
    head = block[0]
    return Incident(
        crash_class=form.crash_class,
        title=f"{form.title} in {function}" if function else form.title,
        function=plumbing.base_name(function) if function else None,
        alternatives=plumbing.other_names(function) if function else (),
        trace=tuple(plumbing.base_name(name) for name in names),
        cpu=int(cpu) if cpu else None,
        pid=int(pid) if pid else None,
        comm=fields.get("comm") or (who["comm"] if who else None),
        severity=form.severity,
        first_line=head.line,
        last_line=max(last, head.line),
        time_s=head.time_s,
    )


def module_in(text: str) -> str | None:
    """The module in brackets at the end of a trace line."""
    match = _MODULE.search(text)
    return match["module"] if match else None
