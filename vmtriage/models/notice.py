"""What is told to people and their tools about a problem: one notice, whatever the way."""

from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256
from typing import Literal, Self

from pydantic import Field

from vmtriage.models.base import Model
from vmtriage.models.finding import CrashClass, Severity
from vmtriage.models.occurrence import KnownBug, Occurrence
from vmtriage.models.problem import ProblemView, State

# new: the first of its problem; recurred: one more; spreading: on more hosts; regressed: on a
# kernel said to have the fix; analysed: crash has run where only the log had been read
ProblemEvent = Literal["new", "recurred", "spreading", "regressed", "analysed"]
# for whoever runs vmtriage. quarantined: a dump that will not pass; broken: the scan itself
OperatorEvent = Literal["quarantined", "broken"]
NoticeEvent = Literal[ProblemEvent, OperatorEvent]
OPERATOR_EVENTS: tuple[NoticeEvent, ...] = ("quarantined", "broken")


class Notice(Model):
    """One thing to tell. It is also what exec hooks and webhooks get, as JSON.

    id: the same when it is told again after a kill: by it a receiver can tell twice from once.
    problem: what tickets, threads and alerts are keyed by; the problem's id, or of an operator's
    event `dump-<id>` or `scan`.
    """

    id: str
    event: NoticeEvent
    problem: str = Field(pattern=r"^[0-9A-Za-z-]{1,64}$")
    title: str  # of the problem: nothing of one host in it
    summary: str  # one sentence on this occurrence, or why it is quarantined or broken
    when: datetime
    host: str
    crash_class: CrashClass = Field(alias="class", default=CrashClass.UNKNOWN)
    severity: Severity
    function: str | None = None
    release: str | None = None
    culprits: tuple[str, ...] = ()  # this occurrence's: its name, application, pod ...
    known: tuple[KnownBug, ...] = ()
    signatures: tuple[str, ...] = ()  # their ids
    states: tuple[State, ...] = ()
    reasons: tuple[str, ...] = ()  # why these states; what the occurrences have in common
    count: int = 1  # occurrences of the problem by now
    hosts: tuple[str, ...] = ()  # where; at most 50 of host_count
    host_count: int = 1
    kernels: tuple[str, ...] = ()
    first_seen: datetime | None = None
    last_seen: datetime | None = None
    dump: str | None = None
    link: str | None = None  # the problem's page
    report: str | None = None  # this dump's page
    markdown: str = ""  # the head of the report, already harmless as Markdown

    @classmethod
    def of(
        cls, problem: ProblemView, occurrence: Occurrence, event: ProblemEvent,
        link: str | None = None, markdown: str = "", report: str | None = None,
    ) -> Self:  # fmt: skip
        """An occurrence that was added to a problem. link: /p/<problem>/, report: /d/<dump>/."""
        blamed = occurrence.culprit
        names = (
            (blamed.name, blamed.application, blamed.pod, blamed.container_id, blamed.owner_hint)
            if blamed else ()
        )  # fmt: skip
        return cls(
            id=notice_id(problem.id, event, occurrence.dump), event=event, problem=problem.id,
            title=problem.title, summary=occurrence.summary, when=occurrence.when,
            host=occurrence.host, crash_class=problem.crash_class, severity=problem.severity,
            function=problem.function, release=occurrence.release,
            culprits=tuple(dict.fromkeys(name for name in names if name)),
            known=occurrence.known or problem.known,
            signatures=tuple(each.id for each in occurrence.known or problem.known),
            states=problem.states,
            reasons=(*problem.reasons, *(each.sentence for each in problem.common)),
            count=problem.count, hosts=tuple(each.value for each in problem.hosts[:50]),
            host_count=len(problem.hosts), kernels=tuple(each.value for each in problem.kernels),
            first_seen=problem.first_seen, last_seen=problem.last_seen, dump=occurrence.dump,
            link=link, report=report, markdown=markdown,
        )  # fmt: skip

    @property
    def brings_report(self) -> bool:
        """Whether its report is news to those who have the ticket."""
        return self.event in ("analysed", "regressed")

    @classmethod
    def quarantined(
        cls, dump: str, host: str, reason: str, when: datetime, link: str | None = None
    ) -> Self:
        """A dump that was given up. dump: its identity's id, or any name that stays the same."""
        about = f"dump-{sha256(dump.encode()).hexdigest()[:12]}"
        return cls(
            id=notice_id(about, "quarantined", dump), event="quarantined", problem=about,
            title=f"vmtriage cannot analyse a dump of {host}", summary=reason, when=when,
            host=host, severity="serious", dump=dump, link=link,
        )  # fmt: skip

    @classmethod
    def broken(cls, what: str, reason: str, host: str, when: datetime) -> Self:
        """The scan itself cannot work. what: a share or a part, which is told once a day."""
        about = f"scan-{sha256(what.encode()).hexdigest()[:12]}"
        return cls(
            id=notice_id(about, "broken", f"{when:%Y-%m-%d}"), event="broken", problem=about,
            title=f"vmtriage needs help: {what}"[:200], summary=reason, when=when, host=host,
            severity="serious",
        )  # fmt: skip


def notice_id(problem: str, event: str, *parts: str) -> str:
    """16 hex digits, the same for the same thing to tell."""
    return sha256("\0".join((problem, event, *parts)).encode()).hexdigest()[:16]


def gravest(notices: Sequence[Notice]) -> Notice:
    """Of notices of one problem the one to tell for all of them: what is gravest, then newest."""
    order: tuple[NoticeEvent, ...] = (
        "regressed", "spreading", "new", "recurred", "analysed", "broken", "quarantined",
    )  # fmt: skip
    newest = max(notices, key=lambda each: (each.count, each.when))
    event = min((each.event for each in notices), key=order.index)
    first = next(each for each in notices if each.event == event)
    return newest.model_copy(update={"event": event, "id": first.id})
