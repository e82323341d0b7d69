"""What the occurrences of a problem have in common, beyond what the whole fleet has.

A value is told of if all of this holds:

- at least three have it, and at least half of those where it is known (LEAST, SHARE). "Have it"
  counts hosts, not dumps, but for the question whether it is one host again and again;
- in the rest of the fleet it is not nearly as frequent (TIMES): where 95 % of all machines are one
  model, that model is no clue, whatever the numbers;
- chance alone would bring it about less often than once in 1 / ALPHA: Fisher's exact test of this
  problem's hosts against all others', ALPHA divided by the number of values that could have been
  told of (Bonferroni; values too rare to be told of take no part, as Tarone has shown they need
  not). So of a random fleet's problems less than ALPHA get a false sentence of one kind, whatever
  the fleet looks like; most far less, for counts come in steps.

An application that a report blames, not merely suspects, needs no fleet to stand out: its id is
given once in the world. It is judged as if there were OTHERS more hosts that do not have it; so
three of three hosts are enough, and the first incident is told of when it is all there is.

Firmware is only compared within one model: another model has another firmware anyway.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from vmtriage.analysis.problems import sentences
from vmtriage.analysis.problems.blame import culprit_label, own_by_nature
from vmtriage.analysis.problems.chance import tail
from vmtriage.analysis.problems.fleet import Counts, Fleet, Tally, seen
from vmtriage.analysis.problems.scope import machine_bound
from vmtriage.models.occurrence import Blamed, Occurrence
from vmtriage.models.problem import Common, Shared

LEAST = 3
SHARE = 0.5
TIMES = 1.5
ALPHA = 0.005
OTHERS = 30


class _Numbers(NamedTuple):
    """In the units that are compared: hosts, or dumps where the host itself is in question."""

    found: int  # of this problem, with the value
    drawn: int  # of this problem, where it is known
    having: int  # of the fleet, with the value
    population: int
    values: int  # that could have been told of


def common(occurrences: Sequence[Occurrence], fleet: Fleet) -> tuple[Common, ...]:
    """What they share: culprit, host, firmware, hardware, kernel; () where nothing is told.

    occurrences: all of one problem. fleet: all there are, these too.
    """
    return tuple(_found(occurrences, Counts(map(seen, occurrences)), fleet))


def _found(occurrences: Sequence[Occurrence], own: Counts, fleet: Fleet) -> Iterator[Common]:
    yield from _culprit(occurrences, own.of("culprit"), fleet.of("culprit"))
    if not any(machine_bound(each.scope) for each in occurrences):  # else it is so by definition
        yield from _plain("host", own.of("host"), fleet.of("host"), len(occurrences))
    model = next(iter(own.of("hardware").dumps.most_common(1)), ("", 0))[0]
    told = own.of("firmware", model)
    yield from _plain("firmware", told, fleet.of("firmware", model), told.total, model)
    yield from _plain("hardware", own.of("hardware"), fleet.of("hardware"), len(occurrences))
    yield from _plain("kernel", own.of("kernel"), fleet.of("kernel"), len(occurrences))


def _plain(what: Shared, own: Tally, fleet: Tally, dumps: int, model: str = "") -> Iterator[Common]:
    value = _leading(own, by_dumps=what == "host")
    if value is not None and _stands_out(_numbers(value, own, fleet, what == "host")):
        noun = sentences.noun(what)
        yield sentences.told(what, value, noun, own, fleet, dumps, sentences.suggests(what, model))


def _culprit(occurrences: Sequence[Occurrence], own: Tally, fleet: Tally) -> Iterator[Common]:
    value = _leading(own, by_dumps=False)
    if value is None:
        return
    numbers = _numbers(value, own, fleet, by_dumps=False)
    named = [b for each in occurrences if (b := each.culprit) and culprit_label(b) == value]
    if _needs_no_fleet(named):
        numbers = numbers._replace(population=numbers.population + OTHERS)
    if _stands_out(numbers):
        yield sentences.of_culprit(value, named, own, fleet, len(occurrences))


def _needs_no_fleet(named: Sequence[Blamed]) -> bool:
    sure = Counter(each.confidence != "low" for each in named)
    return sure[True] > sure[False] and all(map(own_by_nature, named))


def _leading(own: Tally, by_dumps: bool) -> str | None:
    """The most frequent value; of equals the first by name."""
    count = own.dumps.__getitem__ if by_dumps else own.hosts
    return min(own.dumps, key=lambda value: (-count(value), value), default=None)


def _numbers(value: str, own: Tally, fleet: Tally, by_dumps: bool) -> _Numbers:
    values = fleet.often(LEAST, by_dumps)
    if by_dumps:
        return _Numbers(own.dumps[value], own.total, fleet.dumps[value], fleet.total, values)
    return _Numbers(own.hosts(value), own.pairs, fleet.hosts(value), fleet.pairs, values)


def _stands_out(told: _Numbers) -> bool:
    if told.found < LEAST or told.found < SHARE * told.drawn:
        return False
    rest = told.population - told.drawn
    if rest > 0:
        elsewhere = (told.having - told.found) / rest
        if elsewhere * TIMES > told.found / told.drawn:
            return False
    chance = tail(told.population, told.having, told.drawn, told.found)
    return chance * max(1, told.values) <= ALPHA
