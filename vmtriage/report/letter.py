"""What to paste to the culprit's owner: he knows his container, but neither us nor the kernel."""

from vmtriage.models.evidence import Evidence
from vmtriage.models.report import Culprit, Report
from vmtriage.report import human, safe

_SURE = {
    "high": "The dump shows that it was brought about by",
    "medium": "It was probably brought about by",
    "low": "We cannot tell who brought it about; one lead is",
}
_MAX_EVIDENCE = 4


def letter(report: Report) -> str:
    """Plain text, lines unwrapped, "" where nobody is named."""
    culprit = report.culprit
    if culprit is None:
        return ""
    system = report.system
    host = (system and system.nodename) or ""
    host = "A host" if host in ("", "(none)") else host
    when = f" at {human.iso(report.dump.crash_time)}" if report.dump.crash_time else ""
    release = f" (kernel {system.release})" if system and system.release else ""
    what = human.crash_class(report.verdict.crash_class)
    where = f" in {report.function}" if report.function else ""
    out = [
        f"{host}{release} crashed{when}: {what}{where}.",
        f"{_SURE[culprit.confidence]} {_named(culprit)}.",
        "",
        f"Why: {culprit.reason.rstrip('.')}.",
        *(f"- {_told(item)}" for item in culprit.evidence[:_MAX_EVIDENCE]),
        "",
        f"Confidence: {culprit.confidence} ({culprit.score:.2f} of 1)."
        + (" Somebody else is as likely: see the report." if culprit.contested else ""),
    ]
    if culprit.refuted_by:
        out.append(f"It is not so if: {culprit.refuted_by.rstrip('.')}.")
    known = next((each for each in report.signatures if not each.generic), None)
    if known is not None and known.kernel == "affected":
        fix = f"; fixed in {known.fixed_in}" if known.fixed_in else ""
        out.append(f"The kernel is to blame as well: {known.title}{fix}.")
    if advice := _advice(report):
        out.append(f"What to do now: {advice}")
    return "\n".join(safe.visible(line) for line in out) + "\n"


def _advice(report: Report) -> str:
    best = report.signatures[0] if report.signatures else None
    steps = report.verdict.next_steps
    if best is None or (best.kernel == "fixed" and steps):  # that bug's advice is not for us
        return steps[0] if steps else ""
    return best.do_now


def _named(culprit: Culprit) -> str:
    runtime = f"{culprit.runtime} " if culprit.runtime else ""
    parts = [f"{runtime}{culprit.kind} {culprit.name}"]
    facts = (
        ("application", culprit.application),
        ("pod", culprit.pod),
        ("container id", culprit.container_id),
        ("owner", culprit.owner_hint),
        ("cgroup", culprit.path),
        ("running", ", ".join(culprit.comms)),
    )
    told = [f"{name} {value}" for name, value in facts if value and value != culprit.name]
    return "; ".join([*parts, *told])


def _told(item: Evidence) -> str:
    where = f"{item.command}, line {item.line}" if item.line else item.command
    return f"{item.says} ({where}): {item.text.strip()}" if item.text else f"{item.says} ({where})"
