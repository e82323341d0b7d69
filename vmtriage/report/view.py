"""A report prepared for the eye: what the Markdown and HTML templates share."""

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass

from vmtriage.analysis.plumbing import base_name
from vmtriage.models.dump import LookedAt
from vmtriage.models.evidence import Evidence, Problem
from vmtriage.models.finding import ClockLag, Throttled
from vmtriage.models.lockup import GroupBandwidth
from vmtriage.models.report import Culprit, RawOutput, Report, close
from vmtriage.models.runqueue import GroupRunQueue, TaskGroup
from vmtriage.report import gaps, human, safe, stack
from vmtriage.report.letter import letter

LAG_BARS = 12  # CPUs drawn; the others are told in one line
_NOTABLE_LAG = 0.1  # seconds: below this a CPU still ticked


@dataclass(frozen=True)
class Cell:
    """One CPU in the strip."""

    cpu: int
    on: bool
    panic: bool


@dataclass(frozen=True)
class Strip:
    """A throttled group and the CPUs where it was throttled."""

    group: Throttled
    cells: tuple[Cell, ...]

    @property
    def label(self) -> str:
        """What the strip shows, in words."""
        return f"throttled on {len(self.group.cpus)} of {self.group.cpus_seen} CPUs"


@dataclass(frozen=True)
class Lags:
    """The CPUs whose clock is behind, worst first."""

    bars: tuple[tuple[ClockLag, float], ...]  # with the share of the worst, in percent
    rest: str


@dataclass(frozen=True)
class Segment:
    """A part of memory; x and width in percent of the total."""

    name: str
    size: int
    x: float
    width: float


@dataclass(frozen=True)
class Raw:
    """One command's output, with the name its lines are linked by."""

    output: RawOutput
    anchor: str
    lines: tuple[str, ...]
    cited: frozenset[int]


@dataclass(frozen=True)
class View:
    """What templates need beside the report itself."""

    title: str
    host: str
    facts: Mapping[str, gaps.Fact]
    rung: str  # loud words where the dump could not be opened normally
    tried: tuple[tuple[str, tuple[str, ...]], ...]  # why not, and which better ways
    remake: str  # what makes a namelist again that went with the session
    looked: tuple[LookedAt, ...]  # for debuginfo, and something was there
    absent: tuple[str, ...]  # places that had none
    unsafe: tuple[str, ...]
    problems: tuple[Problem, ...]
    evidence: tuple[Evidence, ...]
    rivals: tuple[Culprit, ...]  # as likely as the culprit, or nearly
    letter: str  # to the culprit's owner
    stack_rows: tuple[stack.Row, ...]
    other_stacks: tuple[stack.SameStack, ...]
    strips: tuple[Strip, ...]
    lags: Lags
    debts: tuple[str, ...]  # of each group of `bandwidth`
    memory: tuple[Segment, ...]
    raws: tuple[Raw, ...]
    links: Mapping[tuple[str, int], str]  # evidence -> anchor, where the line was kept


def build(report: Report) -> View:
    """Prepare `report`."""
    evidence = _evidence(report)
    raws = _raws(report, evidence)
    looked = report.debuginfo.looked if report.debuginfo else ()
    looked = looked if len(looked) > 1 else ()
    host = (report.system and report.system.nodename) or "unknown host"
    return View(
        title=f"{human.crash_class(report.verdict.crash_class)} on {host}",
        host=host,
        facts=gaps.facts(report),
        rung=_rung(report),
        tried=_tried(report),
        remake=_remake(report),
        looked=tuple(each for each in looked if each.outcome != "absent"),
        absent=tuple(each.place for each in looked if each.outcome == "absent"),
        unsafe=gaps.unsafe(report),
        problems=gaps.by_weight(report.problems),
        evidence=evidence,
        rivals=tuple(
            each for each in report.candidates if report.culprit and close(report.culprit, each)
        ),
        letter=letter(report),
        stack_rows=_stack(report),
        other_stacks=stack.others(report),
        strips=tuple(_strip(report, group) for group in report.throttled or ()),
        lags=_lags(report.clock_lag or ()),
        debts=tuple(_debt(group) for group in report.bandwidth or ()),
        memory=_memory(report),
        raws=raws,
        links=_links(evidence, raws),
    )


def _rung(report: Report) -> str:
    if report.rung is None or report.rung.name == "normal":
        return ""
    return f"This dump could not be opened normally. Read: {human.rung(report.rung.name)}."


def _tried(report: Report) -> tuple[tuple[str, tuple[str, ...]], ...]:
    why: dict[str, tuple[str, ...]] = {}
    for each in report.rung.refused if report.rung else ():
        why[each.reason] = (*why.get(each.reason, ()), human.rung(each.rung))
    return tuple(why.items())


def _remake(report: Report) -> str:
    found = report.debuginfo
    if found is None or found.namelist is None or found.namelist.kept:
        return ""
    source = report.dump.path if found.namelist.made_from == "vmcore" else found.path
    return f"vmtriage namelist build {shlex.quote(source)} -o slim"


def _stack(report: Report) -> tuple[stack.Row, ...]:
    trace = stack.panic_stack(report)
    if trace is None:
        return ()
    guilty = base_name(report.function or "")
    return stack.rows(trace, guilty, frozenset(map(base_name, report.alternatives)))


def _evidence(report: Report) -> tuple[Evidence, ...]:
    """Every piece once: the verdict's own first, then what names the culprit and the bug."""
    found = [*report.verdict.evidence, *(report.trigger.evidence if report.trigger else ())]
    if report.culprit:
        found += report.culprit.evidence
    for match in report.signatures:
        found += match.evidence
    for group in report.throttled or ():
        found += group.evidence
    once: dict[tuple[str, int, str], Evidence] = {}
    for item in found:
        once.setdefault((item.command, item.line, item.text), item)
    return tuple(once.values())


def _strip(report: Report, group: Throttled) -> Strip:
    seen = {q.cpu for q in report.run_queues or () if not q.offline}
    seen = (seen or set(range(group.cpus_seen))) | set(group.cpus)
    panic = report.panic_task.cpu if report.panic_task else None
    return Strip(group, tuple(Cell(c, c in group.cpus, c == panic) for c in sorted(seen)))


def _lags(clocks: tuple[ClockLag, ...]) -> Lags:
    worst = sorted(clocks, key=lambda lag: (-lag.behind_s, lag.cpu))
    late = [lag for lag in worst if lag.behind_s >= _NOTABLE_LAG][:LAG_BARS]
    top = late[0].behind_s if late else 1.0
    left = worst[len(late) :]
    rest = ""
    if left:
        which = "the other " if late else ""
        rest = f"{which}{human.count(len(left), 'CPU')}: at most {left[0].behind_s:.3f} s"
    return Lags(tuple((lag, round(100 * lag.behind_s / top, 2)) for lag in late), rest)


def _debt(group: GroupBandwidth) -> str:
    """How far the group overdrew its quota on the worst CPU."""
    left = [cpu.runtime_remaining_ns for cpu in group.cpus if cpu.runtime_remaining_ns is not None]
    return "not known" if not left else f"{-min(left) / 1e6:.3f} ms" if min(left) < 0 else "none"


def _memory(report: Report) -> tuple[Segment, ...]:
    memory = report.memory
    if memory is None or not memory.total or memory.free is None:
        return ()
    parts = [("slab", memory.slab), ("page cache", memory.cached), ("buffers", memory.buffers)]
    known = [(name, size) for name, size in parts if size]
    other = memory.total - memory.free - sum(size for _, size in known)
    if other < 0:  # rows that do not add up are told as numbers, not drawn
        return ()
    out, x = [], 0.0
    for name, size in [("processes, kernel", other), *known, ("free", memory.free)]:
        width = 100 * size / memory.total
        out.append(Segment(name, size, round(x, 2), round(width, 2)))
        x += width
    return tuple(out)


def _raws(report: Report, evidence: tuple[Evidence, ...]) -> tuple[Raw, ...]:
    out: list[Raw] = []
    taken: set[str] = set()
    for output in report.raw:
        name = anchor = re.sub(r"[^A-Za-z0-9-]", "_", output.command) or "output"
        number = 1
        while anchor in taken:
            number += 1
            anchor = f"{name}.{number}"
        taken.add(anchor)
        cited = frozenset(e.line for e in evidence if e.command == output.command)
        out.append(Raw(output, anchor, tuple(safe.lines(output.text)), cited))
    return tuple(out)


def _links(evidence: tuple[Evidence, ...], raws: tuple[Raw, ...]) -> dict[tuple[str, int], str]:
    by_command = {raw.output.command: raw for raw in reversed(raws)}
    links = {}
    for item in evidence:
        raw = by_command.get(item.command)
        if raw is None or item.line > len(raw.lines):
            continue
        links[item.command, item.line] = f"{raw.anchor}-L{item.line}" if item.line else raw.anchor
    return links


@dataclass(frozen=True)
class GroupLine:
    """One task group of a CPU's run queue, flattened."""

    depth: int
    group: TaskGroup


def group_lines(queue: GroupRunQueue) -> tuple[GroupLine, ...]:
    """The groups of one CPU that hold something, parents before children."""
    out: list[GroupLine] = []
    todo = [GroupLine(0, g) for g in reversed(queue.groups)]
    while todo:  # no recursion: a damaged dump can nest deeper than Python does
        line = todo.pop()
        group = line.group
        if group.tasks or group.children or group.throttled:
            out.append(line)
        todo += [GroupLine(line.depth + 1, child) for child in reversed(group.children)]
    return tuple(out)
