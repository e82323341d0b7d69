"""A store's facts in memory, for tests of the site: crashes, tries, what is not read."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from tests.fleet import NOW
from vmtriage.fleet.site import Changes
from vmtriage.models.occurrence import Occurrence
from vmtriage.models.problem import Common, Counted, Near, ProblemView, State
from vmtriage.report.site.facts import Try, Unread


def counted(values: Iterable[str | None]) -> tuple[Counted, ...]:
    return tuple(Counted(value=v, count=n) for v, n in Counter(filter(None, values)).most_common())


def view_of(
    occurrences: Sequence[Occurrence], states: tuple[State, ...] = ("known",), **more: object
) -> ProblemView:
    """The problem of these, without any statistics: that is not the site's business."""
    newest = max(occurrences, key=lambda each: each.when)
    fields: dict[str, object] = {
        "id": newest.problem,
        "title": newest.title,
        "crash_class": newest.crash_class,
        "function": newest.function,
        "severity": newest.severity,
        "states": states,
        "first_seen": min(each.when for each in occurrences),
        "last_seen": newest.when,
        "count": len(occurrences),
        "hosts": counted(each.host for each in occurrences),
        "kernels": counted(each.release for each in occurrences),
        "hardware": counted(each.hardware for each in occurrences),
        "culprits": counted(
            each.culprit.application or each.culprit.name for each in occurrences if each.culprit
        ),
        "common": (),
        "near": (),
        "known": newest.known,
    }
    return ProblemView.model_validate(fields | more)


@dataclass
class Shelved:
    """A Book (vmtriage.fleet.site.book) with a memory for what changed."""

    crashes: dict[str, Occurrence] = field(default_factory=dict)
    states: dict[str, tuple[State, ...]] = field(default_factory=dict)
    extras: dict[str, dict[str, object]] = field(default_factory=dict)  # by problem
    ledger: dict[str, tuple[Try, ...]] = field(default_factory=dict)
    files: dict[str, Path] = field(default_factory=dict)
    waits: tuple[Unread, ...] = ()
    led_problems: dict[str, str] = field(default_factory=dict)
    led_dumps: dict[str, str] = field(default_factory=dict)
    log: list[Changes] = field(default_factory=list)
    asked: Counter[str] = field(default_factory=Counter)

    def put(self, *occurrences: Occurrence) -> None:
        problems: list[str] = []
        for each in occurrences:
            was = self.crashes.get(each.dump)
            self.crashes[each.dump] = each
            problems += [one.problem for one in (was, each) if one]
            if was and was.problem != each.problem:
                left = any(o.problem == was.problem for o in self.crashes.values())
                if not left:
                    self.led_problems[was.problem] = each.problem
        # the store tells of the problems too: one that was left again was perhaps never written
        self.changed(dumps=tuple(e.dump for e in occurrences), problems=tuple(problems))

    def changed(self, **what: tuple[str, ...]) -> None:
        self.log.append(Changes(len(self.log) + 1, **what))

    # -- the protocol ----------------------------------------------------------------------------

    def revision(self) -> int:
        return len(self.log)

    def changes(self, since: int) -> Changes:
        later = self.log[since:]
        return Changes(
            len(self.log),
            tuple(dict.fromkeys(each for change in later for each in change.dumps)),
            tuple(dict.fromkeys(each for change in later for each in change.problems)),
            tuple(dict.fromkeys(each for change in later for each in change.hosts)),
        )

    def occurrence(self, dump: str) -> Occurrence | None:
        self.asked["occurrence"] += 1
        return self.crashes.get(dump)

    def occurrences(self) -> Iterator[Occurrence]:
        self.asked["occurrences"] += 1
        yield from list(self.crashes.values())

    def problem(self, problem: str) -> ProblemView | None:
        self.asked["problem"] += 1
        of = [each for each in self.crashes.values() if each.problem == problem]
        if not of:
            return None
        return view_of(of, self.states.get(problem, ("known",)), **self.extras.get(problem, {}))

    def tries(self, dump: str) -> Sequence[Try]:
        return self.ledger.get(dump, ())

    def reports(self, dump: str) -> Path | None:
        return self.files.get(dump)

    def unread(self) -> Sequence[Unread]:
        return self.waits

    def moved_problems(self) -> Mapping[str, str]:
        return self.led_problems

    def moved_dumps(self) -> Mapping[str, str]:
        return self.led_dumps


def tried(occurrence: Occurrence) -> tuple[Try, ...]:
    """The ledger of a dump that was read at the second try."""
    at = occurrence.first_seen
    return (
        Try("log", at, 0.8, "ok", "", "triage-01:4711"),
        Try("full", at + timedelta(seconds=2), 1800.0, "retry",
            "crash was still opening the dump when its time was over", "triage-01:4712"),
        Try("full", at + timedelta(minutes=40), 31.2, "ok", "", "triage-01:4890"),
    )  # fmt: skip


def not_read() -> tuple[Unread, ...]:
    """One of each kind."""
    return (
        Unread("quarantined", "/srv/crash", "db-17.example.com-2017-12-06-11:00:02",
               "not a dump: the first page is all zeros", NOW - timedelta(days=1),
               dump="00000000deadbeef", host="db-17.example.com", tries=5),
        Unread("retry", "/srv/crash", "10.0.0.9-2017-12-08-02:10:00", "Stale file handle",
               NOW - timedelta(minutes=40), next_try=NOW + timedelta(minutes=20), tries=2),
        Unread("writing", "/srv/crash", "hadoop-044.example.com-2017-12-08-02:58:11",
               "vmcore-incomplete grew 2 minutes ago", NOW - timedelta(minutes=4)),
        Unread("due", "/srv/crash", "hadoop-045.example.com-2017-12-08-02:59:30",
               "the log is read; waits for a free worker", NOW - timedelta(minutes=2)),
    )  # fmt: skip


def shared(count: int, total: int, sentence: str, suggests: str) -> Common:
    return Common(
        what="culprit", value="x", count=count, total=total, hosts=count, fleet_count=count,
        fleet_total=total * 4, sentence=sentence, suggests=suggests,
    )  # fmt: skip


def like(problem: str, distance: float, reason: str) -> Near:
    return Near(problem=problem, distance=distance, reason=reason)
