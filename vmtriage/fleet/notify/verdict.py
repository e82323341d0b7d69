"""The numbers of a fleet as one line of a monitoring plugin, with its exit code."""

from collections.abc import Mapping
from dataclasses import dataclass

from vmtriage.fleet.notify.numbers import Numbers
from vmtriage.fleet.notify.thresholds import Range

OK, WARNING, CRITICAL, UNKNOWN = 0, 1, 2, 3
_STATES = ("OK", "WARNING", "CRITICAL", "UNKNOWN")

Limits = Mapping[str, Range]  # by the name of a measure


@dataclass(frozen=True, slots=True)
class Measure:
    """One number. value None: it is not known, and that is UNKNOWN where it has a limit."""

    name: str
    value: float | None
    words: str
    unit: str = ""


def measures(told: Numbers, hours: float) -> tuple[Measure, ...]:
    """What may have limits: age, untriaged, quarantined, new, untold."""
    age = None
    said = "no scan came to its end yet"
    if told.last_scan is not None:
        age = max(0.0, (told.now - told.last_scan).total_seconds())
        said = f"last scan {_ago(age)} ago"
    return (
        Measure("age", age, said, "s"),
        Measure("untriaged", told.untriaged, f"{told.untriaged} of {told.dumps} untriaged"),
        Measure("quarantined", told.quarantined, f"{told.quarantined} quarantined"),
        Measure("new", told.new_problems, f"{told.new_problems} new problems in {hours:g} h"),
        Measure("untold", told.stuck, f"{told.stuck} notices failing"),
    )


def line(told: tuple[Measure, ...], warning: Limits, critical: Limits) -> tuple[int, str]:
    """Exit code and the one line: what is wrong comes first."""
    states = {each.name: _state(each, warning, critical) for each in told}
    # a critical value is worse than one that is not known
    rank = {CRITICAL: 3, UNKNOWN: 2, WARNING: 1, OK: 0}
    worst = max(states.values(), key=rank.__getitem__)
    bad_first = sorted(told, key=lambda each: -rank[states[each.name]])
    words = ", ".join(each.words for each in bad_first)
    data = " ".join(_perfdata(each, warning, critical) for each in told if each.value is not None)
    return worst, f"VMTRIAGE {_STATES[worst]} - {words} | {data}"


def unknown(why: str) -> str:
    """The line where nothing could be found out."""
    return f"VMTRIAGE UNKNOWN - {' '.join(why.split()).replace('|', '/')}"


def _state(each: Measure, warning: Limits, critical: Limits) -> int:
    if each.value is None:
        return UNKNOWN if each.name in warning or each.name in critical else OK
    for state, limits in ((CRITICAL, critical), (WARNING, warning)):
        if each.name in limits and limits[each.name].alerts(each.value):
            return state
    return OK


def _perfdata(each: Measure, warning: Limits, critical: Limits) -> str:
    limits = (limit[each.name].text if each.name in limit else "" for limit in (warning, critical))
    return f"{each.name}={each.value:.0f}{each.unit};{';'.join(limits)};0"


def _ago(seconds: float) -> str:
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"
