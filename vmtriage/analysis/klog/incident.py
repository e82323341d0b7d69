"""A report as an incident: class, title, guilty function, who, where, and whether it is whole."""

import re
from collections.abc import Sequence
from typing import NamedTuple

from vmtriage.analysis import plumbing
from vmtriage.analysis.klog import details, frames
from vmtriage.analysis.klog.blame import Guilty, blame
from vmtriage.analysis.klog.formats import Blame
from vmtriage.analysis.klog.report import Report
from vmtriage.analysis.klog.trace import Code, read_code
from vmtriage.models.finding import Incident
from vmtriage.parsers.klog_line import Line

_WHO = re.compile(
    r"^(?:CPU: (?P<cpu>\d+) (?:UID: \d+ )?PID: (?P<pid>\d+) Comm: (?P<comm>.*?)"
    r"(?: Tainted| Not tainted| Kdump|$)"
    r"|Pid: (?P<pid2>\d+), comm: (?P<comm2>.*?)(?: Tainted| Not tainted|$)"
    r"|Process (?P<comm3>.*?) \(pid: (?P<pid3>\d+),)"
)
_CPU = re.compile(r"^CPU (?P<cpu>\d+):? *$")  # a line of its own until 2.6.39
_BREAKS_OFF = "the log ends in the middle of the report"
_MIXED = "lines without a time stamp stand in it: wrapped by a terminal, or printed by others"
_MISSING_TRACE = "the message came without the call trace that belongs to it"


class Told(NamedTuple):
    """What the code in a report says."""

    code: Code
    guilty: Guilty | None


def tell(report: Report) -> Told:
    """Reads the code in a report: traces, program counter, and whom they blame."""
    form = report.head.form
    code = read_code(report.lines if form.blame is Blame.LOOP else report.lines[1:])
    return Told(code, blame(report.head, report.lines, code))


def incident(report: Report, told: Told | None = None) -> Incident:
    """The model of one report. told: what `tell` said of it, if it was asked already."""
    head, form = report.head, report.head.form
    first = report.lines[0]
    code, guilty = told or tell(report)
    fields = {key: text for each in reversed(report.heads) for key, text in each.fields.items()}
    fields |= head.fields
    who = _who(report.lines, fields.get("cpu")) | fields
    reason = _damage(report, code, guilty)
    return Incident(
        format=form.id,
        crash_class=form.crash_class,
        title=_title(form.title, fields, guilty),
        function=guilty.name if guilty else None,
        module=guilty.module if guilty else None,
        alternatives=guilty.others if guilty else (),
        path=guilty.path if guilty else (),
        trace=_trace(code),
        cpu=int(who["cpu"]) if "cpu" in who else None,
        pid=int(who["pid"]) if "pid" in who else None,
        comm=who.get("comm"),
        where=fields.get("where"),
        device=fields.get("device"),
        severity="panic" if report.panicked else form.severity,
        corrupted=reason is not None,
        corrupted_reason=reason,
        first_line=first.number,
        last_line=_last(report),
        time_s=first.time_s,
        **details.of(form.crash_class, report.lines),
    )


def _title(template: str, fields: dict[str, str], guilty: Guilty | None) -> str:
    words = template
    for key in ("what", "device", "comm"):
        text = fields.get(key, "").strip(" :,!")
        words = words.replace(f"{{{key}}}", text)
    words = re.sub(r"(?: (?:on|in|of))?[:,]?\s*$", "", words.strip()) or template
    return f"{words} in {guilty.name}" if guilty else words


def _who(lines: Sequence[Line], cpu: str | None) -> dict[str, str]:
    """CPU and task of the first lines that tell; of the accused CPU's own where one is known."""
    first: dict[str, str] = {}
    alone = None
    for line in lines[:200]:
        if found := _CPU.match(line.text):
            alone = alone or found["cpu"]
        elif found := _WHO.match(line.text):
            told = {key.rstrip("23"): text for key, text in found.groupdict().items() if text}
            if alone and "cpu" not in told:
                told["cpu"] = alone
            first = first or told
            if cpu is None or told.get("cpu", cpu) == cpu:
                return told
    return first


def _trace(code: Code) -> tuple[str, ...]:
    """Base names of the first trace, innermost first, the program counter's function before."""
    names = [code.pc.name] if code.pc else []
    if code.stack:
        names += [each.name for each in code.stack.certain]
    plain = (plumbing.base_name(name) for name in names)
    kept: list[str] = []
    for name in plain:
        if not kept or kept[-1] != name:
            kept.append(name)
    return tuple(kept)


def _damage(report: Report, code: Code, guilty: Guilty | None) -> str | None:
    """Why the report cannot be whole; None if nothing speaks against it."""
    kind = report.head.form.blame
    read = code.traces if kind is not Blame.LOOP else ()  # a loop's trace that blames nobody
    if kind is not Blame.NOBODY and guilty is None and not (read or code.pc):
        return _MISSING_TRACE
    if report.cut and kind is Blame.FAULT and _breaks_off(report.lines[-1].text, code):
        return _BREAKS_OFF
    return _MIXED if _mixed(report) else None


def _breaks_off(last: str, code: Code) -> bool:
    """Whether the last line of all is one that others must follow: after a trace more is said."""
    inside = last.startswith(" ") and "<" not in last
    return not code.traces or inside or frames.frame(last) is not None


def _mixed(report: Report) -> bool:
    """Whether several lines have no stamp where the first has one."""
    if report.lines[0].time_s is None:
        return False
    bare = [each for each in report.lines if each.time_s is None and each.text.strip()]
    return len(bare) > 1 and bare[1].number < _last(report)


_OWN = ("---[ end", "R1", "RAX", "Code:", "CR2", "Killed process", "Out of memory",
        "Memory cgroup out of", "oom-kill:")  # fmt: skip


def _last(report: Report) -> int:
    """The last line that is surely the report's own."""
    own = report.lines[0].number
    for line in report.lines:
        text = line.text
        code = "+0x" in text and (frames.frame(text) or frames.pc(text))
        if code or text.startswith(_OWN):
            own = line.number
    return own
