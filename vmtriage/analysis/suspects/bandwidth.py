"""CFS bandwidth code on the locked CPU: whose quota was it, by the running timer or by numbers.

The most throttled group is only the likeliest; the group whose timer was running is the one.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from vmtriage.analysis import plumbing
from vmtriage.analysis.containers import identify
from vmtriage.analysis.stuck import LOCKUPS, bandwidth_frames
from vmtriage.analysis.suspects.case import Case
from vmtriage.analysis.suspects.contenders import (
    Contender,
    kin_of,
    related,
    siblings,
    united_in_application,
)
from vmtriage.analysis.suspects.groups import identity
from vmtriage.models.backtrace import Backtrace, Frame
from vmtriage.models.evidence import Evidence
from vmtriage.models.finding import CrashClass
from vmtriage.models.lockup import GroupBandwidth
from vmtriage.models.report import Culprit

_SURE = {"running_timer": 0.95, "timer_state": 0.95, "stack": 0.92, "unthrottled_queue": 0.85}


@dataclass(frozen=True)
class _Scene:
    """Where the bandwidth code was found."""

    command: str
    frame: Frame
    waits: bool  # for a lock: then its owner may be to blame
    stuck: bool  # it is known that this CPU did not get on

    @property
    def evidence(self) -> Evidence:
        return Evidence(
            command=self.command, line=self.frame.line,
            text=f"#{self.frame.level} {self.frame.function}",
            says="the CPU was in the CFS bandwidth code",
        )  # fmt: skip


def bandwidth(case: Case) -> Iterator[Culprit]:
    """The group whose timer ran; without it the one throttled on most CPUs, or its application."""
    scene = _scene(case)
    if case.classification.crash_class not in LOCKUPS or scene is None:
        return
    groups = _contenders(case)
    timed = [group for group in groups if group.timer]
    if len(timed) == 1:
        yield _by_timer(timed[0], groups, scene)
    elif groups:
        yield _by_numbers(timed or groups, scene)


def _by_timer(group: Contender, groups: Sequence[Contender], scene: _Scene) -> Culprit:
    assert group.timer is not None
    score = _SURE[group.timer.found_by]
    if scene.waits:
        score = 0.75
    elif not scene.stuck:
        score = 0.78  # an NMI may have come upon a timer that was about to end
    on = f"; it is throttled on {len(group.cpus)} of {group.cpus_seen} CPUs" if group.cpus else ""
    return _culprit(
        group, score, scene,
        f"the locked CPU was handing out this group's CPU quota ({group.timer.timer})"
        + on + kin_of(group, groups) + siblings(group, groups),
        "a lock that this CPU waited for in the timer, held elsewhere",
        group.timer.evidence,
    )  # fmt: skip


def _by_numbers(groups: Sequence[Contender], scene: _Scene) -> Culprit:
    top = groups[0]
    close = [g for g in groups[1:] if len(g.cpus) * 2 > len(top.cpus)]
    kin = [g for g in close if related(g, top)]
    rivals = [g for g in close if g not in kin]
    united = united_in_application([top, *rivals]) if rivals else None
    if united is not None:
        others = [g for g in groups if g not in (top, *rivals)]
        rivals = [g for g in others if len(g.cpus) * 2 > len(united.cpus)]
        top = united
    enough = len(top.cpus) > 1 or top.cpus_seen <= 2
    firm = scene.command == "bt" and scene.stuck and not scene.waits and enough
    score = 0.85 if firm and not rivals and not kin else 0.75 if firm and not rivals else 0.65
    return _culprit(
        top, score, scene,
        "the locked CPU was handing out CFS bandwidth, and "
        + ("containers of this application are" if united else "this group is")
        + f" throttled on {len(top.cpus)} of {top.cpus_seen} CPUs"
        + (f"; {len(rivals)} other throttled groups are close behind" if rivals else "")
        + kin_of(top, groups),
        "another group with more throttled run queues in the bandwidth pool of"
        " the distribute_cfs_runtime frame, or a lock owner on another CPU",
    )  # fmt: skip


def _culprit(
    group: Contender, score: float, scene: _Scene, reason: str, refuted_by: str,
    more: Sequence[Evidence] = (),
) -> Culprit:  # fmt: skip
    return Culprit.model_validate(
        {
            **identity(group.path, group.container),
            "comms": group.comms, "cpus": group.cpus, "score": score, "reason": reason,
            "refuted_by": refuted_by, "evidence": [*more, scene.evidence, *group.evidence],
        }
    )  # fmt: skip


def _contenders(case: Case) -> list[Contender]:
    """Throttled groups, most CPUs first; not those that memory shows to be free."""
    by_shown: dict[str, list[GroupBandwidth]] = {}
    for row in case.answers.bandwidth or ():
        by_shown.setdefault(row.shown_as or "", []).append(row)
    found: list[Contender] = []
    for shown in case.throttled or ():
        if shown.kind != "cfs":
            continue
        plain = Contender(
            shown.path, shown.container, shown.cpus, shown.cpus_seen, shown.comms, shown.evidence
        )
        rows = by_shown.pop(shown.path, [])
        found += [_read(plain, row, len(rows) == 1) for row in rows if _is_throttled(row)]
        if not rows:
            found.append(plain)
    for rows in by_shown.values():
        found += [_read(Contender("", None, (), 0), row, True) for row in rows if row.timer]
    found = [each for each in found if each.path]
    return sorted(found, key=lambda each: (-len(each.cpus), each.path))


def _read(shown: Contender, row: GroupBandwidth, alone: bool) -> Contender:
    path = row.path or shown.path
    owner = shown.container if path == shown.path else None
    cpus = tuple(cpu.cpu for cpu in row.cpus if cpu.throttled)
    cpus = shown.cpus if alone and shown.cpus else cpus
    return replace(
        shown, path=path, container=owner or row.container or identify(path), cpus=cpus,
        timer=row.timer,
    )  # fmt: skip


def _is_throttled(row: GroupBandwidth) -> bool:
    known = [cpu.throttled for cpu in row.cpus if cpu.throttled is not None]
    return row.timer is not None or (not row.unlimited and (not known or any(known)))


def _scene(case: Case) -> _Scene | None:
    stuck = case.classification.crash_class is not CrashClass.NMI
    if frames := bandwidth_frames(case.stack):
        return _Scene("bt", frames[0], _waits_for_a_lock(case.stack), stuck)
    # The panic task may be only the messenger: an NMI that went to another CPU.
    for stack in case.facts.cpu_stacks.backtraces if case.facts.cpu_stacks else ():
        if frames := bandwidth_frames(stack):
            named = {each.cpu for each in case.answers.stuck or ()}
            known = stuck and stack.cpu in named
            return _Scene("bt -a", frames[0], _waits_for_a_lock(stack), known)
    return None


def _waits_for_a_lock(stack: Backtrace | None) -> bool:
    block = next((e for e in stack.exceptions if not e.user_mode), None) if stack else None
    return block is not None and plumbing.base_name(block.function or "") in plumbing.LOCKING
