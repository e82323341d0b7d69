"""Keeps a storm from becoming a storm of notices: what is new passes, the rest is counted.

An event passes if its problem is new on this host and there were few of it elsewhere, and few of
anything on this host. What was held back is told as one `repeat` when the interval ends.
"""

from collections import OrderedDict
from dataclasses import dataclass, field

from vmtriage.models.event import Event

_MOST = 10_000  # problems, and hosts, remembered
_NAMED = 1000  # hosts told by name


@dataclass(frozen=True, slots=True)
class Rate:
    """So many events of one problem, and of one host, in so many seconds."""

    problem: int = 3
    host: int = 10
    seconds: float = 300.0


@dataclass(slots=True)
class _Problem:
    first: Event
    until: float
    passed: int = 0
    held: int = 0
    hosts: dict[str, None] = field(default_factory=dict)  # names, in order of coming


@dataclass(slots=True)
class _Host:
    until: float
    passed: int = 0


class Limiter:
    """One for the whole listener; the clock is handed in."""

    def __init__(self, rate: Rate) -> None:
        self._rate = rate
        self._problems: OrderedDict[str, _Problem] = OrderedDict()
        self._hosts: OrderedDict[str, _Host] = OrderedDict()
        self.suppressed = 0

    def passes(self, event: Event, now: float) -> bool:
        """May this one be told now? If not, it is counted for the summary."""
        problem = self._problem(event, now)
        known = event.host in problem.hosts
        if len(problem.hosts) < _NAMED:
            problem.hosts[event.host] = None
        if known or problem.passed >= self._rate.problem or not self._host_may(event.host, now):
            problem.held += event.count
            self.suppressed += event.count
            return False
        problem.passed += 1
        return True

    def due(self, now: float) -> list[Event]:
        """Summaries of what was held back in the intervals that are over."""
        told = []
        for key, problem in list(self._problems.items()):
            if problem.until > now:
                break  # in order of their ends: all intervals are as long
            del self._problems[key]
            if problem.held:
                told.append(_summary(problem))
                # a storm that goes on stays known: its next notice is a summary again
                again = _Problem(problem.first, now + self._rate.seconds, self._rate.problem)
                again.hosts = problem.hosts
                self._problems[key] = again
        return told

    def flush(self) -> list[Event]:
        """All that was held back, when the listener ends."""
        return [_summary(each) for each in self._problems.values() if each.held]

    def _problem(self, event: Event, now: float) -> _Problem:
        key = f"{event.fingerprint}/{event.severity}"  # a panic is news after an oops
        problem = self._problems.get(key)
        if problem is None:
            if len(self._problems) >= _MOST:
                self._problems.popitem(last=False)
            problem = _Problem(event, now + self._rate.seconds)
            self._problems[key] = problem
        return problem

    def _host_may(self, name: str, now: float) -> bool:
        host = self._hosts.get(name)
        if host is None or host.until <= now:
            self._hosts.pop(name, None)
            if len(self._hosts) >= _MOST:
                self._hosts.popitem(last=False)
            host = self._hosts[name] = _Host(now + self._rate.seconds)
        host.passed += 1
        return host.passed <= self._rate.host


def _summary(problem: _Problem) -> Event:
    hosts = tuple(problem.hosts)
    where = f"seen on {len(hosts)} hosts" if len(hosts) > 1 else f"again on {hosts[0]}"
    return problem.first.model_copy(
        update={
            "kind": "repeat", "count": problem.held, "hosts": hosts, "host_count": len(hosts),
            "title": f"{problem.first.title}: {problem.held} more, {where}",
        }
    )  # fmt: skip
