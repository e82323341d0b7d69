"""Why a signature does not fit a crash: the conditions that failed, and what the crash has."""

from collections.abc import Callable, Iterable, Mapping

from vmtriage.analysis.conditions import CHECKS, conditions, may_hold
from vmtriage.analysis.crash_view import CrashView
from vmtriage.models.signature import Match

_SHOWN = 12


def failed(match: Match, crash: CrashView, where: str = "match") -> list[str]:
    """One line per condition that does not hold; of any_of the branch that came nearest."""
    lines = [
        f"{where}.{_key(name, match, crash)}; the crash has {_SEEN[name](crash)}"
        for name, check in CHECKS.items()
        if check(match, crash) is None
    ]
    for number, each in enumerate(match.all_of):
        lines += failed(each, crash, f"{where}.all_of.{number}")
    if match.any_of and all(conditions(each, crash) is None for each in match.any_of):
        branches = [
            failed(each, crash, f"{where}.any_of.{n}") for n, each in enumerate(match.any_of)
        ]
        lines += sorted(branches, key=len)[0]
    for number, each in enumerate(match.none_of):
        if may_hold(each, crash):
            lines.append(f"{where}.none_of.{number} holds, or what it asks for was not read")
    return lines


def _key(name: str, match: Match, crash: CrashView) -> str:
    """The key and what it wants; of log_all only the lines that are not there."""
    if name == "stack" and match.stack_exclude and not match.stack:
        return f"stack_exclude: wants none of {_list(match.stack_exclude)}"
    if name == "log" and not (match.log and not any(map(crash.log_line, match.log))):
        missing = [pattern for pattern in match.log_all if not crash.log_line(pattern)]
        return f"log_all: wants {_list(missing)}"
    wanted = getattr(match, name)
    if name == "memory":
        wanted = [f"{key} {each}" for key, each in wanted.model_dump(exclude_defaults=True).items()]
    return f"{name}: wants {_list(wanted if isinstance(wanted, (tuple, list)) else (wanted,))}"


def _list(items: Iterable[object]) -> str:
    found = list(dict.fromkeys(map(str, items)))
    more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    return (", ".join(found[:_SHOWN]) or "none") + more


def _taint(crash: CrashView) -> str:
    return "no word of taint" if crash.taint is None else _list(crash.taint)


def _memory(crash: CrashView) -> str:
    shares = [f"{name} {share.percent:.0f} %" for name, share in crash.shares.items()]
    slabs = [slab.name for slab in crash.slabs or ()]
    return _list([*shares, *slabs]) if shares or slabs else "no memory tables"


def _throttled(crash: CrashView) -> str:
    if crash.facts.group_run_queues is None:
        return "no `runq -g`"
    return f"{len(crash.throttled)} throttled groups"


_SEEN: Mapping[str, Callable[[CrashView], str]] = {
    "classes": lambda crash: crash.classification.crash_class.value,
    "release": lambda crash: crash.release.text if crash.release else "no release",
    "throttled": _throttled,
    "taint": _taint,
    "memory": _memory,
    "panic": lambda crash: _list(each.text for each in crash.panic_texts),
    "function": lambda crash: crash.function.name if crash.function else "none",
    "exception": lambda crash: _list(each.name for each in crash.faulting),
    "stack": lambda crash: _list(each.name for each in crash.stack),
    "modules": lambda crash: _list(name for name, _ in crash.modules),
    "log": lambda crash: f"a log of {len(crash.records)} lines",
}
