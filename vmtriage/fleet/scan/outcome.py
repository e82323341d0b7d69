"""What an ended job means for its dump: pure."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from vmtriage.fleet.scan.executor import Ended
from vmtriage.fleet.scan.policy import Policy, after, lacking
from vmtriage.models.found import FoundKind
from vmtriage.models.occurrence import Stage
from vmtriage.models.report import Report
from vmtriage.store import rows

Word = Literal["ok", "lacking", "retry", "quarantine", "failed", "stopped"]


@dataclass(frozen=True)
class Judged:
    """keep: as which stage the report is kept, None: it is not. word: for people."""

    word: Word
    ended: rows.Ended
    keep: Stage | None = None


def judge(
    ended: Ended, report: Report | None, stage: Stage, kind: FoundKind, attempts: int,
    now: datetime, policy: Policy,
) -> Judged:  # fmt: skip
    """attempts: of this stage, with this one, that failed by themselves."""
    if report is not None and _has(report, "still_written"):
        moved = replace(ended, code=75, words="the dump changed while it was read")
        return _failed(moved, stage, kind, attempts, now, policy)
    if ended.code == 0 and report is not None:
        why = _lacks_namelist(report) if stage == "full" else ""
        if why:
            wait = lacking(ended.job.key, attempts, now, why, policy)
            told = _told(ended, "retry", why)
            return Judged("lacking", replace(told, retry_at=wait.at), "log")
        return Judged("ok", _told(ended, "ok", ""), stage)
    if ended.code == 0:
        ended = replace(ended, code=70, words=ended.words or "it left no report that can be read")
    judged = _failed(ended, stage, kind, attempts, now, policy)
    # of a dump of which nothing can be read there is still a report: that, and why
    return replace(judged, keep="log" if report is not None and stage == "full" else None)


def _failed(
    ended: Ended, stage: Stage, kind: FoundKind, attempts: int, now: datetime, policy: Policy
) -> Judged:
    fate = after(ended, attempts, now, policy)
    if fate is None:
        return Judged("stopped", rows.Ended("retry", reason="the scan was ended"))
    told = _told(ended, "retry", fate.reason)
    if fate.fate == "retry":
        if stage == "log" and kind != "log" and not fate.passing:
            return Judged("failed", replace(told, outcome="failed"))  # crash may do better, now
        return Judged("retry", replace(told, retry_at=fate.at))
    if stage == "log" and kind != "log":
        return Judged("failed", replace(told, outcome="failed"))
    return Judged("quarantine", replace(told, outcome="failed", quarantine=fate.reason))


def _told(ended: Ended, outcome: rows.Outcome, reason: str) -> rows.Ended:
    return rows.Ended(outcome, ended.code, reason, round(ended.seconds, 3))


def _has(report: Report, problem: str) -> bool:
    return any(each.kind == problem for each in report.problems)


def _lacks_namelist(report: Report) -> str:
    """Why crash was not even started, where it is for want of a namelist; "" where it is not."""
    rung = report.rung
    if rung is None or rung.name not in ("log", "header") or report.debuginfo is not None:
        return ""
    if report.tool.sandbox is not None or _has(report, "parts_misread"):
        return ""  # crash was run, or no namelist would help
    return rung.reason or "no namelist"
