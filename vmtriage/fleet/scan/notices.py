"""What there is to tell since the last time, out of the store alone: a kill loses nothing.

Read are the changes after a mark; each is written down as a notice (the same one only once), then
the mark moves on. Whoever is killed between finds the same changes again.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from vmtriage.fleet.scan.views import Views
from vmtriage.models.base import Model
from vmtriage.models.notice import Notice, ProblemEvent
from vmtriage.models.occurrence import Occurrence
from vmtriage.models.problem import ProblemView, State
from vmtriage.store.base import Store

_TOLD_ONCE: tuple[State, ...] = ("regressed", "spreading")


class Told(Model):
    """What was told of a problem, as the store keeps it beside it.

    states: those that were told. by_log: dumps that were told when only their log had been read.
    """

    states: tuple[State, ...] = ()
    by_log: tuple[str, ...] = ()


@dataclass(frozen=True)
class Links:
    """Addresses in tickets; base None: nobody said under which address the site is served."""

    base: str | None

    def problem(self, id: str) -> str | None:
        """/p/<problem>/"""
        return f"{self.base.rstrip('/')}/p/{id}/" if self.base else None

    def dump(self, id: str) -> str | None:
        """/d/<dump>/"""
        return f"{self.base.rstrip('/')}/d/{id}/" if self.base else None


def notices(
    store: Store, views: Views, mark: str, take: Callable[[Notice], object], links: Links,
    head: Callable[[str], str], *, keep: bool = True,
) -> int:  # fmt: skip
    """Writes down what changed; how many problems are new. head: of a dump's Markdown report.

    keep: move the mark; without it the same is found again, and nothing is written.
    """
    revision = store.changes.revision()
    changed: dict[str, list[Occurrence]] = {}
    for change in store.changes.since(store.changes.written(mark)):
        if change.kind != "dump":
            continue
        occurrence, row = store.occurrences.get(change.id), store.dumps.get(change.id)
        if occurrence is not None:
            changed.setdefault(occurrence.problem, []).append(occurrence)
        if row is not None and row.quarantine and row.quarantined_at:
            host = occurrence.host if occurrence else row.nodename or "an unknown host"
            link = links.dump(row.id)
            take(Notice.quarantined(row.id, host, row.quarantine, row.quarantined_at, link))
    new = 0
    for problem, occurrences in changed.items():
        seen, everyone = views.of(problem), store.occurrences.of_problem(problem)
        if seen is None or not everyone:
            continue  # moved on meanwhile: the next time tells
        told = told_of(store.problems.state(problem))
        made, told = to_tell(seen, everyone, occurrences, told, links, head)
        for notice in made:
            take(notice)
            new += notice.event == "new"
        if keep:
            store.problems.set_state(problem, told.model_dump_json())
    if keep:
        store.changes.set_written(mark, revision)
    return new


def told_of(text: str) -> Told:
    """What the store kept; nothing where it is of another version."""
    try:
        return Told.model_validate_json(text)
    except ValueError:
        return Told()


def to_tell(
    seen: ProblemView, everyone: Sequence[Occurrence], changed: Sequence[Occurrence], told: Told,
    links: Links, head: Callable[[str], str],
) -> tuple[list[Notice], Told]:  # fmt: skip
    """The notices, and what has been told with them. The first crash is new, the others recurred,
    by when they were found: the same whenever it is asked."""
    first = min(everyone, key=lambda each: (each.first_seen, each.dump)).dump
    out: list[Notice] = []

    def tell(occurrence: Occurrence, event: ProblemEvent) -> None:
        dump = occurrence.dump
        link, report = links.problem(seen.id), links.dump(dump)
        out.append(Notice.of(seen, occurrence, event, link, head(dump), report))

    for each in sorted(changed, key=lambda each: (each.first_seen, each.dump)):
        if each.stage == "full" and each.dump in told.by_log:
            rest = tuple(dump for dump in told.by_log if dump != each.dump)
            told = told.model_copy(update={"by_log": rest})
            tell(each, "analysed")
            continue
        if each.stage == "log" and each.dump not in told.by_log:
            told = told.model_copy(update={"by_log": (*told.by_log, each.dump)})
        tell(each, "new" if each.dump == first else "recurred")
    newest = max(changed, key=lambda each: (each.first_seen, each.dump))
    for state in _TOLD_ONCE:
        if state in seen.states and state not in told.states:
            told = told.model_copy(update={"states": (*told.states, state)})
            tell(newest, "regressed" if state == "regressed" else "spreading")
    return out, told
