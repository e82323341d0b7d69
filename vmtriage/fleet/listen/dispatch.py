"""From events to notifiers: the rate limit first, then the rules."""

from collections.abc import Sequence

from vmtriage.fleet.listen.counters import Counters
from vmtriage.fleet.listen.limit import Limiter, Rate
from vmtriage.fleet.listen.notifier import Notifier
from vmtriage.fleet.listen.rules import Chooser
from vmtriage.models.event import Event


class Dispatcher:
    """One notifier for each rule, in the rules' order (a rule that drops has a silent one)."""

    def __init__(
        self, rules: Chooser, notifiers: Sequence[Notifier | None], rate: Rate, counters: Counters
    ) -> None:
        self._rules, self._notifiers, self._counters = rules, notifiers, counters
        self._limiter = Limiter(rate)
        for each in notifiers:
            if each is not None:
                each.start()

    def take(self, events: Sequence[Event], now: float) -> None:
        """New events."""
        for event in events:
            self._counters.events += event.count
            # what no rule wants must not use up the rate of what somebody does
            if self._rules.chosen(event) and self._limiter.passes(event, now):
                self.tell(event)
        self._counters.suppressed = self._limiter.suppressed

    def tick(self, now: float) -> None:
        """Tell the summaries that are due."""
        for event in self._limiter.due(now):
            self.tell(event)
        self._counters.notices_dropped = sum(each.dropped for each in self._notifiers if each)
        self._counters.notices_failed = sum(each.failed for each in self._notifiers if each)

    def tell(self, event: Event) -> None:
        """To all whom the rules name, without a limit."""
        for number in self._rules.chosen(event):
            target = self._notifiers[number]
            if target is not None:
                target.put(event)

    def close(self, now: float, seconds: float) -> None:
        """Tell what was held back and wait for the notifiers, together at most so long."""
        for event in self._limiter.flush():
            self.tell(event)
        running = [each for each in self._notifiers if each is not None]
        for each in running:
            each.close(seconds / len(running))
        self.tick(now)
