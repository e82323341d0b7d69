"""What the store hands out: small frozen rows, nothing of a database in them."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from vmtriage.models.found import FoundKind, Layout
from vmtriage.models.occurrence import Stage

Outcome = Literal["ok", "retry", "failed"]
ChangeKind = Literal["dump", "problem", "host", "culprit"]
# intended: not tried yet; sending: a try began and nobody knows how it ended (look at the remote
# before you create); failed: the remote said no, try again at retry_at; dropped: given up
Delivery = Literal["intended", "sending", "sent", "failed", "dropped"]
TicketState = Literal["open", "closed", "unknown"]


@dataclass(frozen=True, slots=True)
class Seen:
    """What is known of one place of a share: enough to decide without opening anything."""

    place: str
    stamp: str  # Found.stamp as it was noted
    since: datetime  # when this stamp was first noted: how long the place stands still
    kind: FoundKind
    dump: str | None  # None: noted, not identified yet (still being written)
    stage: Stage | None  # the best report that stands; None: none yet
    retry_at: datetime | None  # not before; a clock that jumped back is the caller's to notice
    quarantined: bool
    gone: bool  # it was not there at the last look; comes back by note()


@dataclass(frozen=True, slots=True)
class Place:
    """Where a dump lies or lay."""

    share: str
    place: str
    stamp: str
    kind: FoundKind
    layout: Layout
    host: str | None  # as the directory's name has it
    gone: datetime | None


@dataclass(frozen=True, slots=True)
class Dump:
    """One crash, wherever it lies."""

    id: str
    build_id: str | None
    release: str | None
    crash_time: datetime | None
    nodename: str | None
    size: int
    kind: FoundKind
    first_seen: datetime
    stage: Stage | None
    retry_at: datetime | None
    quarantined_at: datetime | None
    quarantine: str | None  # the reason
    became: str | None  # a log alone whose vmcore came later: the vmcore's id


@dataclass(frozen=True, slots=True)
class Worker:
    """Who works: enough to tell from the same machine whether he is still alive.

    started: of /proc/PID/stat, ticks since boot; pid_namespace: a pid means nothing in another.
    """

    host: str
    pid: int
    started: int
    boot_id: str
    pid_namespace: str


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to work on something. `token` grows with every claim of the same thing:
    a claim that was lost is refused everywhere afterwards (errors.ClaimLost)."""

    subject: str  # a dump's id, or any other name: "site:/srv/www"
    stage: str  # "log", "full", or what else is done to it
    token: int
    worker: Worker


@dataclass(frozen=True, slots=True)
class Attempt:
    """One line of the ledger. outcome None: it runs, or its worker was killed."""

    id: int
    dump: str
    stage: Stage
    began: datetime
    ended: datetime | None
    outcome: Outcome | None
    exit_code: int | None
    reason: str
    seconds: float | None
    worker: str  # "host:pid"


@dataclass(frozen=True, slots=True)
class Ended:
    """How an attempt went.

    retry_at: for outcome retry, not before. quarantine: the reason why the dump is not tried
    again until somebody releases it.
    """

    outcome: Outcome
    exit_code: int | None = None
    reason: str = ""
    seconds: float | None = None
    retry_at: datetime | None = None
    quarantine: str | None = None


@dataclass(frozen=True, slots=True)
class ReportFiles:
    """The report files of a dump, as they stand on disk."""

    dump: str
    stage: Stage
    directory: str  # absolute
    files: tuple[str, ...]  # names in it
    tool_version: str
    signatures_revision: str
    written: datetime


@dataclass(frozen=True, slots=True)
class Brief:
    """An occurrence's indexed columns: what tables and counts need, no JSON is parsed for it."""

    dump: str
    problem: str
    stage: Stage
    host: str
    when: datetime
    first_seen: datetime
    crash_class: str
    title: str
    severity: str
    release: str | None
    hardware: str | None
    firmware: str | None
    function: str | None
    module: str | None
    culprit: str | None  # culprit_key() of vmtriage.store.keys


@dataclass(frozen=True, slots=True)
class ProblemRow:
    """A problem's numbers by SQL, of its occurrences as they stand."""

    id: str
    title: str  # of the latest occurrence
    crash_class: str
    severity: str  # the gravest
    first_seen: datetime
    last_seen: datetime
    count: int
    hosts: int


@dataclass(frozen=True, slots=True)
class Alias:
    """A problem left empty: its link leads to `of`. follow: so do logs alone that fit it."""

    of: str
    follow: bool


@dataclass(frozen=True, slots=True)
class Change:
    """Something whose pages are to be written anew. A later change of the same replaces it."""

    revision: int
    kind: ChangeKind
    id: str


@dataclass(frozen=True, slots=True)
class Ticket:
    """A problem's ticket at one notifier. commented: when it was last written to (rate limits)."""

    problem: str
    notifier: str
    remote_id: str
    url: str | None
    state: TicketState
    commented: datetime | None


@dataclass(frozen=True, slots=True)
class Notification:
    """Something to be told, written down before it is sent.

    Its key is (notifier, problem, event): the same is never written down twice. payload: the
    sender's own JSON text, all it needs to send it again after a kill.
    """

    id: int
    notifier: str
    problem: str
    event: str  # "new", "recurred:<dump>", "regressed:<kernel>" ...
    dump: str | None
    payload: str
    delivery: Delivery
    tries: int
    created: datetime
    updated: datetime
    retry_at: datetime | None
    remote_id: str | None
    url: str | None
    reason: str
