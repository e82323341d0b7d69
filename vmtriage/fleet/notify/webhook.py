"""HTTP POST of the notice as JSON, and of alerts to Alertmanager (API v2)."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from vmtriage.fleet.notify.base import PROBLEM_EVENTS, STORY, Past
from vmtriage.fleet.notify.http import Http
from vmtriage.fleet.notify.words import headline
from vmtriage.models.notice import OPERATOR_EVENTS, Notice, NoticeEvent
from vmtriage.report.safe import visible


@dataclass(frozen=True)
class Webhook:
    """Any server; `Idempotency-Key` is the same when a notice comes again after a kill."""

    name: str
    http: Http
    wants: Sequence[NoticeEvent] = PROBLEM_EVENTS
    asks_first: bool = False

    def tell(self, notice: Notice, past: Past) -> None:  # noqa: ARG002
        """Any 2xx will do."""
        body = notice.model_dump(mode="json")
        self.http.send("POST", "", body, {"Idempotency-Key": notice.id})

    def preview(self, notice: Notice) -> str:
        """Host and body; the rest of the address may be a secret."""
        body = notice.model_dump_json(indent=1)
        return f"{self.name}: POST to {self.http.shown}\nIdempotency-Key: {notice.id}\n\n{body}\n"


@dataclass(frozen=True)
class Alertmanager:
    """One alert for a problem. It ends by itself when the problem was quiet for so long."""

    name: str
    http: Http
    quiet_s: float = 86400.0
    labels: Mapping[str, str] = field(default_factory=dict)
    wants: Sequence[NoticeEvent] = STORY
    asks_first: bool = False

    def tell(self, notice: Notice, past: Past) -> None:  # noqa: ARG002
        """The same alert again only moves its end."""
        self.http.send("POST", "/api/v2/alerts", [self._alert(notice)])

    def preview(self, notice: Notice) -> str:
        """Address and body."""
        body = json.dumps([self._alert(notice)], indent=1, ensure_ascii=False)
        return f"{self.name}: POST {self.http.host}/api/v2/alerts\n\n{body}\n"

    def _alert(self, notice: Notice) -> dict[str, object]:
        operators = notice.event in OPERATOR_EVENTS
        labels = {
            **self.labels, "alertname": _NAMES.get(notice.event, "KernelCrash"),
            "problem": notice.problem, "severity": notice.severity,
            "class": "" if operators else notice.crash_class.value,
            "function": visible(notice.function or ""),
            "instance": visible(notice.host) if operators else "",
        }  # fmt: skip
        told = {
            "summary": visible(notice.title), "hosts": visible(", ".join(notice.hosts)),
            "description": f"{headline(notice)} {visible(notice.summary)}",
            "report": notice.report or "",
        }  # fmt: skip
        last = notice.last_seen or notice.when
        alert: dict[str, object] = {
            "labels": {key: value for key, value in labels.items() if value},
            "annotations": {key: value for key, value in told.items() if value},
            "startsAt": _stamp(notice.first_seen or notice.when),
            "endsAt": _stamp(last + timedelta(seconds=self.quiet_s)),
        }
        return {**alert, "generatorURL": notice.link} if notice.link else alert


_NAMES: Mapping[NoticeEvent, str] = {
    "quarantined": "VmtriageDumpQuarantined", "broken": "VmtriageScanBroken",
}  # fmt: skip


def _stamp(when: datetime) -> str:
    return when.isoformat(timespec="seconds")
