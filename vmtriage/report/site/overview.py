"""The first page: what wants somebody now, then what was seen last, then all by search."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from heapq import nsmallest

from vmtriage.report import templates
from vmtriage.report.human import iso
from vmtriage.report.site import bars
from vmtriage.report.site.facts import Unread
from vmtriage.report.site.frame import GRAVE, Files, as_json, page
from vmtriage.report.site.rows import Row, Summary

_CARDS = 12
_RECENT = 60
_DAYS = 60
_CHOICES = 300  # names offered while typing


def files(
    rows: Sequence[Row],
    summaries: Mapping[str, Summary],
    unread: Sequence[Unread],
    now: datetime,
    shards: Sequence[tuple[str, str]],
) -> Files:
    """The overview and its JSON. shards: path and digest of each file of the search's data."""
    recent = sorted(summaries.values(), key=lambda each: (each.last, each.problem), reverse=True)
    grave = sorted((each for each in recent if _rank(each) < len(GRAVE)), key=_rank)
    since = {days: iso(now - timedelta(days=days)) for days in (1, 7)}
    script, script_hash = templates.inline("site/search.js")
    waits = Counter(each.waits for each in unread)
    numbers = {
        "crashes": len(rows),
        "problems": len(summaries),
        "hosts": len({each.host for each in rows}),
        "last_day": sum(each.when > since[1] for each in rows),
        "last_week": sum(each.when > since[7] for each in rows),
        "log_only": sum(each.stage == "log" for each in rows),
        "unread": len(unread),
    }
    return {
        "index.html": page(
            "overview", "", section="", n=numbers, cards=grave[:_CARDS], more_cards=grave[_CARDS:],
            recent=recent[:_RECENT], now=iso(now), waits=waits,
            chart=bars.by_time(rows, now.date(), days=_DAYS), shards=shards,
            script=script, script_hash=script_hash,
            classes=sorted({each.kind for each in rows}),
            states=sorted({state for each in recent for state in each.states}),
            kernels=_choices(each.release for each in rows),
            hosts=_choices(each.host for each in rows),
            culprits=_choices(each.application or each.culprit for each in rows),
        ),
        "index.json": as_json(
            "overview", written=iso(now), numbers=numbers, unread=dict(waits),
            look_at=[each._asdict() for each in grave[:_CARDS]],
            recent=[each._asdict() for each in recent[:_RECENT]],
            data=[path for path, _ in shards],
        ),
    }  # fmt: skip


def _rank(each: Summary) -> int:
    return min((GRAVE.index(state) for state in each.states if state in GRAVE), default=len(GRAVE))


def _choices(values: Iterable[str]) -> list[str]:
    counted = Counter(value for value in values if value)
    most = nsmallest(_CHOICES, counted.items(), key=lambda each: (-each[1], each[0]))
    return sorted(value for value, _ in most)
