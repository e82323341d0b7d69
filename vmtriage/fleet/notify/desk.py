"""The order of things: route a notice, write it down, then look, send and record.

    desk.take(Notice.of(problem, occurrence, "new", link, head))   # written down, nothing sent
    desk.deliver(now)                                              # what is due, old and new

A try is marked before it begins: whoever is killed leaves behind what the next run needs to finish.
Trackers are looked through before they get a ticket.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from time import monotonic

from vmtriage.fleet.notify.base import Channel, Later, NotTold, Past, Refused
from vmtriage.fleet.notify.delivery import Delivery, Tally
from vmtriage.fleet.notify.records import Intent, Records
from vmtriage.fleet.notify.routes import Routes
from vmtriage.models.notice import Notice, NoticeEvent, gravest

_LEASE_S = 600.0  # longer than one notice may take
_UNSURE_S = 90.0  # a tracker's search may not see a ticket at once
_BACKOFF_S = (60.0, 300.0, 900.0, 3600.0)  # then every hour
_GIVE_UP = timedelta(days=30)
_CUMULATIVE: tuple[NoticeEvent, ...] = ("recurred", "spreading")
_LONGEST_S = 86400.0  # however long a server wants to be left alone
_ALL = "everything waits: "  # begins the reason of a failure that is not one notice's own
_JUMPED = timedelta(hours=25)  # a retry farther away, or a change in the future: the clock jumped


@dataclass(frozen=True)
class Desk:
    """One for a run. every: seconds between two of the same event of one problem, by notifier."""

    channels: Mapping[str, Channel]
    routes: Routes
    records: Records
    every: Mapping[str, float] = field(default_factory=dict)
    unsure_s: float = _UNSURE_S

    def chosen(self, notice: Notice) -> tuple[str, ...]:
        """Names of the notifiers this notice is for."""
        return self.routes.chosen(notice, {name: ch.wants for name, ch in self.channels.items()})

    def take(self, notice: Notice) -> int:
        """Write it down for all whom the routes name; how many these are. Sends nothing.

        May be repeated: the same notice is told once.
        """
        names = self.chosen(notice)
        for name in names:
            self.records.add(name, notice)
        if names and notice.event in _CUMULATIVE:
            self._supersede(notice, names)
        return len(names)

    def _supersede(self, notice: Notice, names: Sequence[str]) -> None:
        """Of what tells the same with smaller numbers only the latest is kept waiting."""
        older = [
            each for each in self.records.waiting(notice.problem)
            if each.notice.event == notice.event and each.notice.id != notice.id
            and each.notice.count < notice.count and each.state != "sending"
            and each.notifier in names
        ]  # fmt: skip
        if older:
            self.records.failed(older, "told with a later one", None)

    def preview(self, notice: Notice) -> tuple[str, ...]:
        """What would be sent, in full, one text for each notifier. Touches nothing."""
        return tuple(self.channels[name].preview(notice) for name in self.chosen(notice))

    def rehearse(self, fresh: Sequence[Notice]) -> tuple[str, ...]:
        """What would be sent, in full: what waits, and these, which are not written down yet."""
        told: dict[tuple[str, str], list[Notice]] = {}
        for each in self.records.waiting():
            if each.notifier in self.channels:
                told.setdefault((each.notifier, each.problem), []).append(each.notice)
        for notice in fresh:
            for name in self.chosen(notice):
                told.setdefault((name, notice.problem), []).append(notice)
        return tuple(
            self.channels[name].preview(gravest(several)) for (name, _), several in told.items()
        )

    def deliver(self, now: datetime, seconds: float = 120.0) -> Delivery:
        """Send what is due; ends after about so many seconds. Raises only what the store does."""
        tally, end = Tally(), monotonic() + seconds
        waiting = self.records.waiting()
        paused = _paused(waiting, now)
        for name, groups in _grouped(waiting).items():
            channel = self.channels.get(name)
            for group in groups:
                if channel is None:
                    self.records.failed(group, "no such notifier any more", None)
                    tally.dropped += len(group)
                elif name in tally.down or name in paused or monotonic() > end:
                    tally.waiting += len(group)
                else:
                    self._group(channel, group, now, tally)
        return tally.result()

    def _group(
        self, channel: Channel, group: Sequence[Intent], now: datetime, tally: Tally
    ) -> None:
        """All that waits of one problem for one notifier is told as one notice."""
        held = {each.id for each in group if self._is_held(each, now)}
        due = {each.id for each in group if _is_due(self._ready(channel, each, now), now)} - held
        problem = group[0].problem
        tally.held += len(held)
        if not due or not self.records.claim(channel.name, problem, _LEASE_S):
            tally.waiting += len(group) - len(held)
            return
        try:
            # another run may have told it between our reading and our claim
            still = [each for each in self.records.waiting(problem) if each.id in due]
            unsure = [each for each in still if each.state == "sending"]
            chosen = unsure or still  # what may have arrived is looked for by itself
            tally.waiting += len(group) - len(held) - len(due) + len(still) - len(chosen)
            if chosen:
                self._send(channel, chosen, bool(unsure), now, tally)
        finally:
            self.records.release(channel.name, problem)

    def _is_held(self, intent: Intent, now: datetime) -> bool:
        """Whether the same event of its problem was told only lately."""
        every = self.every.get(intent.notifier, 0.0)
        if not every or intent.state == "sending":
            return False
        last = self.records.last_sent(intent.notifier, intent.problem, intent.notice.event)
        return last is not None and last <= now < last + timedelta(seconds=every)

    def _ready(self, channel: Channel, intent: Intent, now: datetime) -> datetime:
        if intent.state == "sending" and channel.asks_first:
            wait = self.unsure_s * min(2**intent.tries, 40) / 2
            return intent.updated + timedelta(seconds=wait)
        return intent.retry_at or now

    def _send(
        self, channel: Channel, chosen: Sequence[Intent], unsure: bool, now: datetime,
        tally: Tally,
    ) -> None:  # fmt: skip
        notice = gravest([each.notice for each in chosen])
        known = self.records.ticket(channel.name, notice.problem)
        past = Past(known, unsure, min(each.updated for each in chosen))
        self.records.sending(chosen)
        try:
            ticket = channel.tell(notice, past)
        except NotTold as error:
            self._failed(channel, chosen, now, error, tally)
        except Exception as error:  # a notifier's own mistake must not end the scan
            broke = Refused(f"{type(error).__name__}: {error}", everything=False)
            self._failed(channel, chosen, now, broke, tally)
        else:
            self.records.sent(chosen, ticket)
            tally.sent += len(chosen)
            if ticket is not None and ticket != known:
                tally.tickets.append(ticket)

    def _failed(
        self, channel: Channel, chosen: Sequence[Intent], now: datetime, error: NotTold,
        tally: Tally,
    ) -> None:  # fmt: skip
        everything = not isinstance(error, Refused) or error.everything
        if everything:
            tally.down[channel.name] = str(error)
        else:
            tally.troubles.append(f"{channel.name}: {error} (problem {chosen[0].problem})")
        if isinstance(error, Later) and error.unsure:
            tally.waiting += len(chosen)  # stays "sending": the next try looks first
            return
        for each in chosen:
            if now - each.notice.when > _GIVE_UP and each.tries > len(_BACKOFF_S):
                self.records.failed([each], str(error), None)
                tally.dropped += 1
            else:
                wait = _BACKOFF_S[min(each.tries, len(_BACKOFF_S) - 1)]
                if isinstance(error, Later) and error.seconds is not None:
                    wait = min(error.seconds, _LONGEST_S)
                reason = f"{_ALL if everything else ''}{error}"
                self.records.failed([each], reason, now + timedelta(seconds=wait))
                tally.waiting += 1


def _paused(intents: Iterable[Intent], now: datetime) -> set[str]:
    """Notifiers that failed as a whole and are not to be tried yet."""
    return {
        each.notifier for each in intents
        if each.retry_at is not None and each.reason.startswith(_ALL)
        and not _is_due(each.retry_at, now)
    }  # fmt: skip


def _is_due(ready: datetime, now: datetime) -> bool:
    return ready <= now or ready > now + _JUMPED


def _grouped(intents: Iterable[Intent]) -> dict[str, list[list[Intent]]]:
    """By notifier, then by problem, in the order of coming."""
    found: dict[str, dict[str, list[Intent]]] = {}
    for each in intents:
        found.setdefault(each.notifier, {}).setdefault(each.problem, []).append(each)
    return {name: list(problems.values()) for name, problems in found.items()}
