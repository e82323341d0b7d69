"""Culprits in names that are the same on every host."""

import re

from vmtriage.analysis.containers import application_of, identify
from vmtriage.models.occurrence import Blamed
from vmtriage.models.report import Culprit

_PID = re.compile(r" \(pid \d+\)$")
_UNITS = {"slurm": "Slurm job", "nomad": "Nomad allocation", "yarn": "YARN application"}
_KINDS = {"process": "program", "cgroup": "unit", "kernel": "part of the kernel"}
_COMMS = 3


def blamed(culprit: Culprit) -> Blamed:
    """What of a report's culprit a fleet keeps."""
    return Blamed(
        kind=culprit.kind,
        name=_PID.sub("", culprit.name),
        application=culprit.application,
        runtime=culprit.runtime,
        container_id=culprit.container_id,
        pod=culprit.pod,
        owner_hint=culprit.owner_hint,
        path=culprit.path,
        comms=culprit.comms[:_COMMS],
        confidence=culprit.confidence,
        reason=culprit.reason,
    )


def culprit_label(culprit: Blamed | None) -> str | None:
    """By which name the same culprit is known on another host; None: nobody is named.

    The application where there is one. A container's id is its host's own: such a one is known by
    its program and runtime ("haproxy in docker"). Everything else by its name.
    """
    if culprit is None:
        return None
    if culprit.application:
        return culprit.application
    if (culprit.container_id or culprit.pod) and culprit.comms:
        return f"{culprit.comms[0]} in {culprit.runtime or 'containers'}"
    return culprit.name


def culprit_kind(culprit: Blamed) -> str:
    """What kind of thing the label names: "YARN application", "module", "program" ..."""
    if culprit.application:
        return _UNITS.get(culprit.runtime or "", f"{culprit.runtime or ''} application".strip())
    if (culprit.container_id or culprit.pod) and culprit.comms:
        return "containerised program"
    return _KINDS.get(culprit.kind, culprit.kind)


def own_by_nature(culprit: Blamed) -> bool:
    """Whether its name is given once in the world: that two hosts have it is no accident."""
    owner = identify(culprit.path) if culprit.path else None
    return culprit.application is not None or application_of(owner) is not None
