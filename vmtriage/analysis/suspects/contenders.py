"""Throttled groups side by side: who is whose parent, which are of one application."""

from collections.abc import Sequence
from dataclasses import dataclass

from vmtriage.analysis.containers import application_of
from vmtriage.models.container import Container
from vmtriage.models.evidence import Evidence
from vmtriage.models.lockup import BandwidthTimer

_MAX_TOLD = 3


@dataclass(frozen=True)
class Contender:
    """A throttled group, by its true path where memory told it."""

    path: str
    container: Container | None
    cpus: tuple[int, ...]
    cpus_seen: int
    comms: tuple[str, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    timer: BandwidthTimer | None = None


def related(one: Contender, other: Contender) -> bool:
    """One lies below the other."""
    return one.path.startswith(other.path + "/") or other.path.startswith(one.path + "/")


def kin_of(group: Contender, groups: Sequence[Contender]) -> str:
    """Its parents and children with quotas of their own that are used up too."""
    kin = [each for each in groups if each.cpus and related(each, group)]
    if not kin:
        return ""
    above = [each for each in kin if group.path.startswith(each.path + "/")]
    word = "its parent" if above else "below it"
    told = ", ".join(each.path for each in (above or kin)[:_MAX_TOLD])
    return f"; {word} {told} has a quota of its own that is used up too"


def siblings(group: Contender, groups: Sequence[Contender]) -> str:
    """Other throttled containers of the same application."""
    owner = application_of(group.container)
    same = [g for g in groups if g is not group and application_of(g.container) == owner]
    same = [g for g in same if not related(g, group)]
    if owner is None or not same:
        return ""
    return f"; of {owner[1]} also throttled: {same[0].path.rpartition('/')[2]}"


def united_in_application(groups: Sequence[Contender]) -> Contender | None:
    """The contenders as one, where all are containers of one application."""
    owners = {application_of(each.container) for each in groups}
    if len(owners) != 1 or (owner := owners.pop()) is None:
        return None
    runtime, name = owner
    first = groups[0].container
    assert first is not None
    return Contender(
        path=_common_path([each.path for each in groups]),
        container=Container(
            runtime=runtime, name=name, application=first.application, pod=first.pod,
            owner_hint=first.owner_hint, attempt=first.attempt,
        ),
        cpus=tuple(sorted({cpu for each in groups for cpu in each.cpus})),
        cpus_seen=max(each.cpus_seen for each in groups),
        comms=tuple(dict.fromkeys(comm for each in groups for comm in each.comms)),
        evidence=(
            *(
                Evidence(command="runq -g", line=0, text=each.path,
                         says=f"of the same application, throttled on {len(each.cpus)} CPUs")
                for each in groups
            ),
            *(item for each in groups for item in each.evidence),
        ),
    )  # fmt: skip


def _common_path(paths: Sequence[str]) -> str:
    """The cgroup above all of them."""
    parts = [path.split("/") for path in paths]
    shared = [names[0] for names in zip(*parts, strict=False) if all(n == names[0] for n in names)]
    return "/".join(shared) or "/"
