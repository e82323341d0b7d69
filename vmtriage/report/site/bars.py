"""How often, over time: bars for an inline SVG."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

from vmtriage.report import human
from vmtriage.report.site.rows import Row

MOST = 60  # bars
_FEWEST = 30
_HEIGHT = 48
_UNITS = ((1, "day"), (7, "week"), (30, "30 days"), (365, "year"))


@dataclass(frozen=True)
class Bar:
    """One span of days. y and height in units of the drawing; the highest fills it."""

    x: int
    y: int
    height: int
    label: str


@dataclass(frozen=True)
class Bars:
    """A chart: bars of width 8 at every 10 units, 48 high."""

    bars: tuple[Bar, ...]
    first: str
    last: str
    unit: str
    most: int
    total: int

    @property
    def width(self) -> int:
        """Of the drawing."""
        return len(self.bars) * 10

    @property
    def label(self) -> str:
        """What it shows, in words."""
        return (
            f"{human.count(self.total, 'crash', 'crashes')} from {self.first} to {self.last}, "
            f"at most {self.most} in a {self.unit}"
        )


def by_time(rows: Iterable[Row], until: date | None = None, days: int | None = None) -> Bars | None:
    """The crashes by day, or by longer spans where there would be too many bars; None: no crash.

    until: the last day, at least that of the newest crash; days: no more than so many days back.
    """
    counted = Counter(day for each in rows if (day := _day(each.when)))
    if not counted:
        return None
    last = max(max(counted), until or date.min) if days is None else until or max(counted)
    first = min(counted) if days is None else last - timedelta(days=days - 1)
    span = (last - first).days + 1
    step, unit = next(((s, u) for s, u in _UNITS if span <= s * MOST), _UNITS[-1])
    number = min(max(-(-span // step), _FEWEST), MOST)
    start = last - timedelta(days=number * step - 1)
    sums = [0] * number
    for day, count in counted.items():
        if start <= day <= last:
            sums[(day - start).days // step] += count
    most = max(sums)
    bars = []
    for at, count in enumerate(sums):
        height = max(round(count * _HEIGHT / most), 2) if count else 0
        day = start + timedelta(days=at * step)
        said = f"{day}: {human.count(count, 'crash', 'crashes')}"
        bars.append(Bar(at * 10, _HEIGHT - height, height, said))
    return Bars(tuple(bars), str(start), str(last), unit, most, sum(sums))


def _day(when: str) -> date | None:
    try:
        return date.fromisoformat(when[:10])
    except ValueError:
        return None
