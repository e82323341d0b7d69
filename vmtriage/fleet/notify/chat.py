"""Chat and paging services, by Apprise: one address, https://github.com/caronc/apprise/wiki."""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import StringIO

from pydantic import SecretStr

from vmtriage.fleet.notify.base import PROBLEM_EVENTS, Later, Past, Refused
from vmtriage.fleet.notify.secrets import masked
from vmtriage.fleet.notify.words import chat, disarmed, title
from vmtriage.models.finding import Severity
from vmtriage.models.notice import Notice, NoticeEvent
from vmtriage.report.safe import visible

_TYPES: dict[Severity, str] = {
    "panic": "failure", "serious": "failure", "notable": "warning", "noise": "info",
}  # fmt: skip


@dataclass(frozen=True)
class Apprise:
    """One service. url: its address for Apprise, which holds its token."""

    name: str
    url: Callable[[], SecretStr] = field(repr=False)
    wants: Sequence[NoticeEvent] = PROBLEM_EVENTS
    asks_first: bool = False

    def tell(self, notice: Notice, past: Past) -> None:  # noqa: ARG002
        """Apprise does not tell a refusal from a server that is down: it is tried again."""
        try:
            import apprise
        except ImportError:
            raise Refused("needs Apprise: pip install 'vmtriage[notify]'") from None
        secret = self.url()
        service = apprise.Apprise()
        with _unheard() as words:
            if not service.add(secret.get_secret_value()):
                raise Refused("Apprise does not know such an address: look at url_env, url_file")
            told = service.notify(
                body=chat(notice), title=_title(notice),
                notify_type=apprise.NotifyType(_TYPES[notice.severity]),
                body_format=apprise.NotifyFormat.TEXT,
            )  # fmt: skip
        if not told:
            # tokens stand in every part of the address
            parts = [SecretStr(each) for each in _parts(secret.get_secret_value())]
            said = masked(words.getvalue(), [secret, *parts])
            raise Later(visible(" ".join(said.split())[-300:]) or "Apprise could not deliver it")

    def preview(self, notice: Notice) -> str:
        """Title and text."""
        return f"{self.name}: by Apprise\n\n{_title(notice)}\n{chat(notice)}\n"


@contextmanager
def _unheard() -> Iterator[StringIO]:
    """What Apprise says of itself; nobody else hears it, for the address is in it."""
    words = StringIO()
    handler = logging.StreamHandler(words)
    loggers = [logging.getLogger(name) for name in ("apprise", "urllib3")]
    before = [each.propagate for each in loggers]
    loggers[0].addHandler(handler)
    for each in loggers:
        each.propagate = False
    try:
        yield words
    finally:
        loggers[0].removeHandler(handler)
        for each, propagated in zip(loggers, before, strict=True):
            each.propagate = propagated


def _title(notice: Notice) -> str:
    return f"[vmtriage] {disarmed(title(notice))}"


def _parts(url: str) -> list[str]:
    for mark in "/:@?&=,":
        url = url.replace(mark, " ")
    return [each for each in url.split()[1:] if len(each) >= 6]
