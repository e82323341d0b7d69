"""What there is to tell since the last time, out of the store alone: a kill loses nothing.

Read are the changes after a mark; each is written down as a notice (the same one only once), then
the mark moves on. Whoever is killed between finds the same changes again. That a dump was told, by
its log or in full, stands beside the notices: reports that are made anew tell nothing anew.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from vmtriage.fleet.scan.views import Views
from vmtriage.models.base import Model
from vmtriage.models.notice import Notice, ProblemEvent
from vmtriage.models.occurrence import Occurrence
from vmtriage.models.problem import ProblemView, State
from vmtriage.store.base import Store

_TOLD_ONCE: tuple[State, ...] = ("regressed", "spreading")
_NOBODY = "vmtriage"  # in the place of a notifier: what was told at all, whoever was told


class Told(Model):
    """Which states of a problem were told, as the store keeps it beside it."""

    states: tuple[State, ...] = ()


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
        seen, everyone = views.of(problem), views.crashes(problem)
        if seen is None or not everyone:
            continue  # moved on meanwhile: the next time tells
        before = told_of(store.problems.state(problem))
        heard = {each.dump: _heard(store, each.dump) for each in occurrences}
        made, told = to_tell(seen, everyone, occurrences, before, heard, links, head)
        for notice in made:
            take(notice)
            new += notice.event == "new"
        if keep:
            for each in occurrences:
                if each.stage not in heard[each.dump]:
                    row_of = store.notifications.intend(
                        _NOBODY, f"told-{each.dump}", each.stage, "", each.dump
                    )
                    store.notifications.sent([row_of.id])
            if told != before:
                store.problems.set_state(problem, told.model_dump_json())
    if keep:
        store.changes.set_written(mark, revision)
    return new


def _heard(store: Store, dump: str) -> frozenset[str]:
    """The stages of which somebody was told, or would have been."""
    told = store.notifications.of(f"told-{dump}", "sent")
    return frozenset(each.event for each in told)


def told_of(text: str) -> Told:
    """What the store kept; nothing where it is of another version."""
    try:
        return Told.model_validate_json(text)
    except ValueError:
        return Told()


def to_tell(
    seen: ProblemView, everyone: Sequence[Occurrence], changed: Sequence[Occurrence], told: Told,
    heard: Mapping[str, Collection[str]], links: Links, head: Callable[[str], str],
) -> tuple[list[Notice], Told]:  # fmt: skip
    """The notices, and what has been told with them. heard: stages told before, by dump.

    The first crash is new, the others recurred, by when they were found: whenever it is asked.
    """
    first = min(everyone, key=lambda each: (each.first_seen, each.dump)).dump
    out: list[Notice] = []

    def tell(occurrence: Occurrence, event: ProblemEvent) -> None:
        dump = occurrence.dump
        link, report = links.problem(seen.id), links.dump(dump)
        out.append(Notice.of(seen, occurrence, event, link, head(dump), report))

    for each in sorted(changed, key=lambda each: (each.first_seen, each.dump)):
        before = heard.get(each.dump, ())
        if each.stage in before or "full" in before:
            continue
        if "log" in before:
            tell(each, "analysed")
        else:
            tell(each, "new" if each.dump == first else "recurred")
    newest = max(changed, key=lambda each: (each.first_seen, each.dump))
    for state in _TOLD_ONCE:
        if state in seen.states and state not in told.states:
            told = told.model_copy(update={"states": (*told.states, state)})
            tell(newest, "regressed" if state == "regressed" else "spreading")
    return out, told
