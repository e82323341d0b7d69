"""Suspects that are devices: a disk, a controller, a file server that failed."""

import re
from collections import Counter
from collections.abc import Iterator

from vmtriage.analysis.classify import cause
from vmtriage.analysis.suspects import quotes
from vmtriage.analysis.suspects.case import Case
from vmtriage.analysis.trigger_forms import ERRORS_PANIC
from vmtriage.models.finding import CrashClass, Incident
from vmtriage.models.report import Culprit

C = CrashClass
_ITSELF = 0.65  # the device or its driver reports the error, more than once
_ONCE = 0.5
_THROUGH = 0.4  # a file system's word: its own damage, or that of the device below
_SHARED = 0.4  # several devices fail: what they share is more likely
_WAITED = 0.4  # tasks hang and a device failed before: they may wait for it
_OF_FILES = frozenset({"filesystem-error", "read-only"})
_NAMED = 3  # lines of evidence
_PARTITION = re.compile(r"^((?:sd|vd|hd|xvd)[a-z]{1,3})\d+$|^(nvme\d+)(?:c\d+)?(?:n\d+)?(?:p\d+)?$")


def device(case: Case) -> Iterator[Culprit]:
    """The device that reported errors; several of them are told of as what they share."""
    crash_class = case.classification.crash_class
    forced = case.trigger is not None and case.trigger.setting == ERRORS_PANIC
    if crash_class not in (C.IO_ERROR, C.HUNG_TASK) and not forced:
        return
    told = [each for each in case.incidents if _counts(each)]
    if not told:
        return
    counts = Counter(_disk(each.device or "") for each in told)
    first = cause(case.incidents, case.classification)
    named = first is not None and first.device and _counts(first)
    name = _disk(first.device or "") if named and first else counts.most_common(1)[0][0]
    own = [each for each in told if _disk(each.device or "") == name]
    if len(counts) > 1:
        score, says = _SHARED, (
            f"{len(counts)} devices reported errors ({', '.join(sorted(counts)[:4])}): something"
            " they share may have failed (controller, cable, enclosure, path)"
        )  # fmt: skip
    elif all(each.format in _OF_FILES for each in own):
        score, says = _THROUGH, (
            "its file system reported errors: damage of its own, or of the device below"
        )  # fmt: skip
    else:
        score, says = (_ITSELF if len(own) > 1 else _ONCE), f"it reported {len(own)} error(s)"
    if crash_class is C.HUNG_TASK:
        score, says = min(score, _WAITED), f"{says}; the tasks that hang may wait for it"
    yield Culprit(
        kind="device", name=name, score=score, reason=says, refuted_by=_check(name),
        evidence=tuple(
            quotes.line(case, each.first_line, each.title, each.title) for each in own[:_NAMED]
        ),
    )  # fmt: skip


def _counts(incident: Incident) -> bool:
    grave = incident.severity in ("panic", "serious")
    return incident.crash_class is C.IO_ERROR and grave and bool(incident.device)


def _disk(device: str) -> str:
    """The whole disk of a partition, the controller of an NVMe namespace."""
    found = _PARTITION.match(device)
    return next((each for each in found.groups() if each), device) if found else device


def _check(name: str) -> str:
    where = f"/dev/{name}" if re.fullmatch(r"[a-z][\w-]{0,30}", name) else "/dev/DEVICE"
    return (
        f"`smartctl -a {where}` without errors, and `log | grep -i -e timeout -e reset -e link`:"
        " a controller or a path that failed before it"
    )
