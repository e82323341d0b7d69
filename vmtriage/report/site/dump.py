"""A dump's page: the verdict, the way to the report, what was tried; and what could not be read."""

from collections.abc import Mapping, Sequence

from vmtriage.report.human import iso
from vmtriage.report.site import names
from vmtriage.report.site.facts import Kept, Unread
from vmtriage.report.site.frame import PAGE, Files, as_json, chunk, page
from vmtriage.report.site.rows import Summary, row

_ORDER = ("quarantined", "retry", "writing", "due")


def files(kept: Kept, known: Mapping[str, Summary]) -> Files:
    """The page that links to the report, and its JSON."""
    at = names.dump(kept.dump)
    occurrence = kept.occurrence
    return {
        f"{at}/index.html": page(
            "dump", at, section="p", d=kept, o=occurrence, known=known,
            row=row(occurrence) if occurrence else None,
        ),
        f"{at}/index.json": as_json(
            "dump", dump=kept.dump, reports=list(kept.reports),
            occurrence=occurrence.model_dump(mode="json") if occurrence else None,
            unread=unread_json(kept.unread) if kept.unread else None,
            tries=[
                {"stage": each.stage, "began": iso(each.began), "seconds": each.seconds,
                 "outcome": each.outcome, "reason": each.reason, "worker": each.worker}
                for each in kept.tries
            ],
        ),
    }  # fmt: skip


def unread_json(each: Unread) -> dict[str, object]:
    """As it stands in JSON."""
    return {
        "waits": each.waits, "share": each.share, "place": each.place, "reason": each.reason,
        "since": iso(each.since), "dump": each.dump, "host": each.host, "tries": each.tries,
        "next_try": iso(each.next_try) if each.next_try else None,
    }  # fmt: skip


def unread_files(unread: Sequence[Unread]) -> Files:
    """All that has no report yet, or never will, and why."""
    ordered = sorted(unread, key=lambda each: (_ORDER.index(each.waits), each.share, each.place))
    last = max(-(-len(ordered) // PAGE), 1)
    made: Files = {}
    for number in range(1, last + 1):
        at = "unread" if number == 1 else names.numbered("unread", number)
        shown = chunk(ordered, number)
        made[f"{at}/index.html"] = page(
            "unread", at, section="unread", items=shown, number=number, more=number < last,
            total=len(ordered),
        )  # fmt: skip
        made[f"{at}/index.json"] = as_json("unread", items=[unread_json(each) for each in shown])
    return made
