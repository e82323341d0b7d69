"""A report as a fleet keeps it: small, comparable between hosts, without anything of this host."""

from datetime import UTC, datetime

from vmtriage.analysis.fingerprint import of as fingerprint_of
from vmtriage.analysis.problems.blame import blamed
from vmtriage.analysis.problems.frames import frames_of
from vmtriage.analysis.problems.identity import problem_id
from vmtriage.analysis.problems.scope import scope_of
from vmtriage.analysis.problems.words import title
from vmtriage.models.found import Found, Identity
from vmtriage.models.occurrence import KnownBug, Occurrence, Stage
from vmtriage.models.report import Report


def occurrence_of(
    report: Report,
    identity: Identity,
    found: Found,
    host: str,
    stage: Stage,
    first_seen: datetime,
) -> Occurrence:
    """The occurrence that a report tells of; `problem` is its problem_id, no redirect followed.

    host: as the scan settled it (dump, map file, directory). Works on the report of a full dump
    and on one of a log alone; what the report does not know stays None or empty.
    """
    verdict, system = report.verdict, report.system
    release = (system.release if system else None) or report.dump.release or identity.release
    mark = report.fingerprint or fingerprint_of(
        verdict.crash_class, report.function, (), release=release
    )
    told = mark.parts[1] if len(mark.parts) > 1 else "-"
    scope = scope_of(report, None if told == "-" else told, host)
    taint = system.taint if system and system.taint is not None else mark.taint
    made = Occurrence(
        dump=identity.id,
        problem="",
        stage=stage,
        host=host,
        crash_time=_utc(report.dump.crash_time or identity.crash_time or found.named_time),
        first_seen=_utc(first_seen) or first_seen,
        share=found.share,
        place=found.place,
        release=release,
        distro=system.distro if system else None,
        hardware=system.hardware if system else None,
        firmware=system.firmware if system else None,
        crash_class=verdict.crash_class,
        title=title(verdict.crash_class, report.function, scope),
        summary=verdict.summary,
        severity=verdict.severity,
        confidence=verdict.confidence,
        function=report.function,
        module=report.module,
        alternatives=report.alternatives,
        frames=frames_of(report),
        algorithm=mark.algorithm,
        fingerprint=mark.exact,
        fingerprint_problem=mark.problem,
        scope=scope,
        taint=taint,
        culprit=blamed(report.culprit) if report.culprit else None,
        known=_known(report),
        tool_version=report.tool.version,
        signatures_revision=report.tool.signatures_revision,
    )
    return made.model_copy(update={"problem": problem_id(made)})


def _known(report: Report) -> tuple[KnownBug, ...]:
    """What fits, in the report's order, but specific ones first."""
    return tuple(
        KnownBug(
            id=each.id, title=each.title, generic=each.generic, kernel=each.kernel,
            fixed_in=each.fixed_in,
        )
        for each in sorted(report.signatures, key=lambda each: each.generic)
    )  # fmt: skip


def _utc(when: datetime | None) -> datetime | None:
    if when is None:
        return None
    return when.replace(tzinfo=UTC) if when.tzinfo is None else when.astimezone(UTC)
