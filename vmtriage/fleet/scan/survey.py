"""What lies on the shares, and which of it is to be triaged now."""

from collections.abc import Iterable
from dataclasses import replace

from vmtriage.errors import ClaimLost
from vmtriage.fleet.scan.context import Run
from vmtriage.fleet.scan.decide import Decision, Standing, decide_all, due
from vmtriage.fleet.scan.happening import Happening
from vmtriage.fleet.scan.identifying import identified
from vmtriage.fleet.scan.look import Looked, look
from vmtriage.models.found import Found, Identity, path_text
from vmtriage.store import rows


def survey(run: Run) -> tuple[list[Decision], list[Decision]]:
    """Looks, notes what is new or gone, identifies.

    What there is to triage, the newest first; and what is put off.
    """
    run.hands.store.claims.sweep()
    decisions = [each for one in look(run.task.shares, run.task.look_s) for each in _of(run, one)]
    _note(run, decisions)
    todo = {each.dump: each for each in decisions if each.action in ("log", "full")}
    new = [each.found for each in decisions if each.action == "identify"]
    for found, answer in identified(new, run.hands.executor, run.space):
        if answer.identity is None:
            run.trouble(f"{_where(found)}: {answer.reason}", found.share, found.place)
            continue
        decision = _identified(run, found, answer.identity)
        if decision.action in ("log", "full"):
            todo.setdefault(decision.dump, decision)
    chosen = sorted(todo.values(), key=lambda each: each.found.newest_ns, reverse=True)
    chosen = chosen[: run.task.limit]
    for each in chosen:
        if run.task.rules.insist and each.dump is not None:
            run.hands.store.dumps.release(each.dump)
        tell(run, each)
    return chosen, [each for each in decisions if each.action == "retry"]


def planned(run: Run) -> list[Decision]:
    """What would be decided; nothing is opened, nothing is written."""
    looks = look(run.task.shares, run.task.look_s)
    decisions = []
    for one in looks:
        if one.error is not None:
            run.trouble(one.error.message, share_of(one))
        known = run.hands.store.places.seen(share_of(one))
        decisions += decide_all(one.found, known, run.now(), run.task.rules)
    return [_explained(run, each) for each in decisions]


def _explained(run: Run, decision: Decision) -> Decision:
    """With the reason that stands in the ledger."""
    if decision.dump is None or decision.action not in ("quarantined", "retry"):
        return decision
    store = run.hands.store
    row, tries = store.dumps.get(decision.dump), store.attempts.of(decision.dump)
    why = row.quarantine if row else None
    return replace(decision, why=why or (tries[-1].reason if tries else decision.why))


def tell(run: Run, decision: Decision) -> None:
    """One decision, to the log."""
    run.tell(
        Happening(
            kind="decided", time=run.now(), share=decision.found.share, dump=decision.dump,
            place=decision.found.place, action=decision.action, reason=decision.why or None,
            next_try=decision.at,
        )
    )  # fmt: skip


def share_of(looked: Looked) -> str:
    """As `Found` names it."""
    return path_text(looked.share.absolute())


def _of(run: Run, looked: Looked) -> list[Decision]:
    share, store = share_of(looked), run.hands.store
    if looked.error is not None:
        run.trouble(looked.error.message, share)
        return []
    known = store.places.seen(share)
    if not looked.found and any(not each.gone for each in known.values()) and _empty(looked):
        run.trouble(f"{share} is empty, but held crashes before: is it mounted?", share)
        return []
    for unread in looked.unread:
        run.trouble(unread.error.message, share, unread.place)
    gone = list(_gone(looked, known))
    if gone:
        store.places.gone(share, gone)
    run.summary.crashes += len(looked.found)
    run.tell(Happening(kind="looked", time=run.now(), share=share, count=len(looked.found)))
    return decide_all(looked.found, known, run.now(), run.task.rules)


def _note(run: Run, decisions: Iterable[Decision]) -> None:
    """Since when a file stands still is known by when it was first seen so."""
    for each in decisions:
        if each.action == "wait":
            run.summary.waiting += 1
            tell(run, each)
        if each.fresh and each.action != "identify":
            run.hands.store.places.note(each.found, None)


def _identified(run: Run, found: Found, identity: Identity) -> Decision:
    store = run.hands.store
    dump = store.places.note(found, identity) or identity.id
    row = store.dumps.get(dump)
    if row is None:
        raise ClaimLost(f"{dump} vanished from the store")
    if row.stage is None:
        run.summary.new += 1
    standing = Standing(row.kind, row.stage, row.retry_at, row.quarantine)
    return due(found, dump, standing, run.now(), run.task.rules)


def _gone(looked: Looked, known: dict[str, rows.Seen]) -> Iterable[str]:
    """What was there before; not what lies where nobody could look."""
    there = {each.place for each in looked.found}
    dark = tuple(each.place for each in looked.unread)
    for place, seen in known.items():
        hidden = any(place == each or place.startswith(f"{each}/") for each in dark)
        if not (place in there or seen.gone or hidden):
            yield place


def _empty(looked: Looked) -> bool:
    try:
        return not any(looked.share.iterdir())
    except OSError:
        return True


def _where(found: Found) -> str:
    return f"{found.share}/{found.place}"
