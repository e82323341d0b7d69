"""The terminal summary: one screen, plain ASCII, no colour."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from vmtriage.models.report import Culprit, Report
from vmtriage.models.signature import SignatureMatch
from vmtriage.report import gaps, human, view
from vmtriage.report.terminal import clip, entry, known_bug

MAX_LINES = 40


def _verdict(report: Report, shown: view.View, limit: int) -> list[str]:
    verdict = report.verdict
    kind = human.crash_class(verdict.crash_class)
    head = f"{kind} on {shown.host}; severity {verdict.severity}, confidence {verdict.confidence}"
    short = limit <= 5  # the rest needs the room
    lines = limit - 1 if short and report.trigger else limit
    out = [*entry("VERDICT", verdict.summary, lines), *entry("Class", head, 1)]
    if report.trigger:
        out += entry("Why a dump", report.trigger.says, 1 if short else 2)
    if shown.rung:
        out += entry("PARTIAL", shown.rung, 1)
    if shown.unsafe:
        out += entry("CAUTION", "do not trust: " + ", ".join(shown.unsafe), 2)
    return out


def _culprit(culprit: Culprit | None) -> list[str]:
    if culprit is None:
        return entry("Culprit", "nobody could be named", 1)
    kind = f"{culprit.runtime} {culprit.kind}" if culprit.runtime else culprit.kind
    out = entry("Culprit", f"{culprit.name} ({kind}, confidence {culprit.confidence})", 2)
    facts = [
        ("application", culprit.application),
        ("container id", culprit.container_id and culprit.container_id[:12]),
        ("pod", culprit.pod),
        ("ask", culprit.owner_hint),
        ("runs", ", ".join(culprit.comms)),
    ]
    told = "; ".join(f"{name} {value}" for name, value in facts if value)
    return out + entry("", told, 2) + entry("", culprit.reason, 2)


def _actions(report: Report) -> list[str]:
    best: SignatureMatch | None = report.signatures[0] if report.signatures else None
    out: list[str] = []
    steps = report.verdict.next_steps
    if best and best.kernel == "fixed" and len(steps) > 1:  # that bug's own advice is not ours
        out += entry("Do now", steps[0], 3) + entry("For good", steps[1], 2)
    elif best:
        out += entry("Do now", best.do_now, 3) + entry("For good", best.do_for_good, 2)
    elif report.verdict.next_steps:
        out += entry("Do next", report.verdict.next_steps[0], 3)
    if doubt := report.verdict.refuted_by:
        out += entry("Refuted by", doubt, 2)
    return out


def _evidence(shown: view.View, limit: int) -> list[str]:
    out: list[str] = []
    for number, item in enumerate(shown.evidence[:limit]):
        where = f"{item.command}, line {item.line}" if item.line else item.command
        out += entry("" if number else "Evidence", f"{item.says} ({where})", 1)
        if item.text:
            out.append(clip(item.text.split("\n", 1)[0]))
    return out


def _problems(shown: view.View, limit: int) -> list[str]:
    out: list[str] = []
    for number, problem in enumerate(shown.problems[:limit]):
        parts = ", ".join(gaps.PART_NAMES[part] for part in problem.unsafe)
        spoiled = f"[unsafe: {parts}] " if parts else ""
        named = problem.command is None or problem.message.startswith(problem.command)
        command = "" if named else f"{problem.command}: "
        out += entry("" if number else "Not known", spoiled + command + problem.message, 2)
    if (left := len(shown.problems) - limit) > 0:
        out += entry("", f"and {human.count(left, 'more problem')}, told in the full report", 1)
    return out


def _files(report: Report, files: Iterable[Path]) -> list[str]:
    dump = report.dump
    facts = [dump.format, human.size(dump.size) if dump.size is not None else None]
    facts += ["incomplete" if dump.incomplete else "partial" if dump.partial else None]
    told = ", ".join(fact for fact in facts if fact)
    out = entry("Dump", f"{dump.path} ({told})", 1)
    for number, path in enumerate(files):
        out += entry("" if number else "Files", str(path), 1)
    return out


def render(report: Report, files: Sequence[Path] = ()) -> str:
    """`report` in at most 40 lines; `files` are the reports already written, to be named."""
    shown = view.build(report)
    out: list[str] = []
    for items in (3, 2, 1):  # fewer lines of evidence and problems where the rest needs room
        blocks = [
            _verdict(report, shown, 4 + items),
            _culprit(report.culprit),
            known_bug(report.signatures) + _actions(report),
            _evidence(shown, items),
            _problems(shown, items),
            _files(report, files[:4]),
        ]
        out = "\n\n".join("\n".join(block) for block in blocks if block).split("\n")
        if len(out) <= MAX_LINES:
            break
    return "".join(line.rstrip() + "\n" for line in out)
