"""What is shared, in sentences for somebody who was woken up."""

from collections.abc import Sequence

from vmtriage.analysis.problems.blame import culprit_kind
from vmtriage.analysis.problems.fleet import Tally
from vmtriage.models.occurrence import Blamed
from vmtriage.models.problem import Common, Shared

_NOUNS = {"host": "host", "hardware": "model", "firmware": "firmware", "kernel": "kernel"}
_SUGGESTS = {
    "host": "look at this machine before the software: its event log, memory and firmware",
    "hardware": "ask what these machines have that others do not: device, driver, firmware",
    "firmware": "compare with machines of the same model and another firmware ({model})",
    "kernel": "a regression of this kernel, or a bug that others do not have: boot another",
}


def noun(what: Shared) -> str:
    """What it is called in a sentence."""
    return _NOUNS[what]


def suggests(what: Shared, model: str = "") -> str:
    """What to do about it."""
    return _SUGGESTS[what].format(model=model)


def told(
    what: Shared, value: str, noun: str, own: Tally, fleet: Tally, dumps: int, suggests: str
) -> Common:
    """The finding with its numbers. dumps: of the problem, also those that do not tell."""
    count, hosts = own.dumps[value], own.hosts(value)
    others = fleet.total - own.total
    where = f" ({_many(hosts, 'host')})" if what != "host" else ""
    sentence = f"the same {noun} {value} on {count} of {_many(own.total, 'dump')}{where}"
    if dumps > own.total:
        more = dumps - own.total
        sentence += f", {more} more {'does' if more == 1 else 'do'} not tell"
    if others > 0:
        sentence += f"; on {fleet.dumps[value] - count} of {others} others"
    return Common(
        what=what, value=value, count=count, total=own.total, hosts=hosts,
        fleet_count=max(count, fleet.dumps[value]), fleet_total=max(own.total, fleet.total),
        sentence=sentence, suggests=suggests,
    )  # fmt: skip


def of_culprit(value: str, named: Sequence[Blamed], own: Tally, fleet: Tally, dumps: int) -> Common:
    """The same of whom the reports blame. named: that culprit, once for every dump that does."""
    first = named[0]
    what: Shared = "module" if first.kind == "module" else "culprit"
    return told(what, value, culprit_kind(first), own, fleet, dumps, _whom_to_ask(first))


def _whom_to_ask(culprit: Blamed) -> str:
    if culprit.kind == "module":
        return f"unload {culprit.name}, or ask who makes it for another version"
    if culprit.application or culprit.kind in ("container", "cgroup"):
        return "stop it, or keep it from being started; its owner knows what it does"
    if culprit.kind == "device":
        return "look at the storage or device behind it, on all these hosts"
    return "ask what runs it on these hosts, and try them without it"


def _many(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
