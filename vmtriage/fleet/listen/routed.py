"""The notifiers of the configuration file, told by a listener: the same as `scan` has.

There is no store here: what cannot be delivered after some tries is counted and told, not kept.
A ticket is looked up before it is made, so the scan that finds the dump later joins it.
"""

from collections.abc import Mapping

from vmtriage.analysis.fingerprint import ALGORITHM
from vmtriage.analysis.problems.identity import id_of
from vmtriage.fleet.listen.notifier import Notifier
from vmtriage.fleet.notify.base import Channel, Later, Past
from vmtriage.fleet.notify.desk import Desk
from vmtriage.models.event import Event
from vmtriage.models.notice import Notice, ProblemEvent, notice_id

_TRIES = 4
_PAUSE_S = 2.0


class Routed:
    """The routes as what a Dispatcher asks, and a notifier for each of them, in their order."""

    def __init__(self, desk: Desk, base_url: str | None) -> None:
        self._desk, self._base = desk, base_url
        self._names = tuple(desk.channels)
        self.notifiers = [Told(each, base_url) for each in desk.channels.values()]

    def chosen(self, event: Event) -> list[int]:
        """Numbers of the notifiers that get it."""
        names = self._desk.chosen(notice_of(event, self._base))
        return [self._names.index(each) for each in names]


class Told(Notifier):
    """One notifier, by a thread of its own."""

    def __init__(self, channel: Channel, base_url: str | None, pause_s: float = _PAUSE_S) -> None:
        super().__init__(channel.name)
        self._channel, self._base, self._pause_s = channel, base_url, pause_s

    def deliver(self, event: Event) -> None:
        """Four tries, 2, 4 and 8 s apart; NotTold when none of them worked."""
        notice, unsure = notice_of(event, self._base), False
        for attempt in range(_TRIES):
            try:
                self._channel.tell(notice, Past(unsure=unsure, since=notice.when))
                return
            except Later as error:
                unsure = unsure or error.unsure
                if attempt == _TRIES - 1 or self.ending.wait(self._pause_s * 2**attempt):
                    raise


_KINDS: Mapping[str, ProblemEvent] = {"incident": "new", "repeat": "recurred"}


def notice_of(event: Event, base_url: str | None = None) -> Notice:
    """The event as a notice; of one problem with the dump that a scan finds later."""
    if event.kind == "listener":
        return Notice.broken("vmtriage listen", event.title, event.host, event.received)
    kind = _KINDS[event.kind]
    problem = _problem(event)
    link = f"{base_url.rstrip('/')}/p/{problem}/" if base_url else None
    return Notice(
        id=notice_id(problem, kind, event.host, f"{event.received:%Y-%m-%dT%H:%M:%S}"),
        event=kind, problem=problem, title=event.title, summary=event.line, when=event.received,
        host=event.host, crash_class=event.crash_class, severity=event.severity,
        function=event.function, release=event.release, signatures=event.signatures,
        count=event.count, hosts=(event.hosts or (event.host,))[:50], host_count=event.host_count,
        last_seen=event.received, link=link,
    )  # fmt: skip


def _problem(event: Event) -> str:
    """Its stable id; where no function is known, one for each machine."""
    scope = "" if event.function else f"machine {event.host}"
    return id_of(ALGORITHM, event.fingerprint, scope)
