"""What a report must not be trusted for, by how far crash could open the dump."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from vmtriage.models.conditions import Conditions, Rung, RungName
from vmtriage.models.evidence import Part, Problem

# (kind of problem, what it means, what it spoils)
_MEANS: Mapping[RungName, tuple[str, str, tuple[Part, ...]]] = MappingProxyType({
    "zero_excluded": (
        "zero_excluded",
        "crash opened the dump with missing pages read as zeros: an empty list, a zero, an idle CPU"
        " prove nothing",
        tuple(part for part in Part if part not in (Part.VERDICT, Part.INCIDENTS)),
    ),
    "minimal": (
        "log_only",
        "crash opened the dump in its minimal mode only: the kernel log, and no run queues, tasks"
        " or memory",
        (Part.CULPRIT,),
    ),
    "log": (
        "log_only",
        "only the kernel log was read: no run queues, tasks or memory to look at",
        (Part.CULPRIT,),
    ),
    "header": (
        "header_only",
        "nothing but the dump's header could be read: what happened is not known",
        (Part.VERDICT, Part.CULPRIT, Part.SIGNATURES),
    ),
})  # fmt: skip


def problem_of(rung: Rung) -> Iterator[Problem]:
    """What the rung takes from the report, and where a log from elsewhere comes from."""
    if rung.name in _MEANS:
        kind, means, unsafe = _MEANS[rung.name]
        yield Problem(kind=kind, message=f"{means} ({rung.reason})", unsafe=unsafe)
    if rung.log_from is not None:
        yield Problem(
            command="log", kind="log_from_elsewhere",
            message=f"the kernel log comes from {rung.log_from}, not from crash",
        )  # fmt: skip


def steps_of(conditions: Conditions) -> tuple[str, ...]:
    """What would let the next analysis stand on a better rung."""
    rung = conditions.rung
    if rung is None or not rung.tried or not rung.tried[0].next_step:
        return ()
    step = rung.tried[0].next_step
    return (f"To have the whole dump read: {step}.",)
