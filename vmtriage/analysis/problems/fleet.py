"""The whole fleet's crashes in numbers: what is common anyway is no clue."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from vmtriage.analysis.problems.blame import culprit_label
from vmtriage.models.occurrence import Occurrence
from vmtriage.models.problem import Shared


class Seen(NamedTuple):
    """The little that counting needs of one occurrence; a store may keep it as plain columns."""

    host: str
    kernel: str | None = None
    hardware: str | None = None
    firmware: str | None = None
    culprit: str | None = None  # its culprit_label


def seen(occurrence: Occurrence) -> Seen:
    """What counting needs of it."""
    return Seen(
        host=occurrence.host,
        kernel=occurrence.release,
        hardware=occurrence.hardware,
        firmware=occurrence.firmware,
        culprit=culprit_label(occurrence.culprit),
    )


class Tally:
    """How many have which value of one kind: in dumps, and in hosts.

    A host that crashes ten times is no ten witnesses for its model: all but the question whether
    it is one host again and again is counted in hosts (pairs of host and value).
    """

    def __init__(self) -> None:
        self.dumps: Counter[str] = Counter()
        self._hosts: defaultdict[str, set[str]] = defaultdict(set)
        self.total = 0  # dumps of which the value is known
        self.pairs = 0

    def add(self, value: str, host: str) -> None:
        """One dump more."""
        self.dumps[value] += 1
        self.total += 1
        hosts = self._hosts[value]
        self.pairs += host not in hosts
        hosts.add(host)

    def hosts(self, value: str) -> int:
        """On how many hosts."""
        return len(self._hosts[value]) if value in self._hosts else 0

    def often(self, least: int, by_dumps: bool) -> int:
        """How many values could be told of at all: at least so many dumps or hosts have them."""
        counts = self.dumps.values() if by_dumps else map(len, self._hosts.values())
        return sum(count >= least for count in counts)


class Counts:
    """Some occurrences, counted by all that they could share."""

    def __init__(self, rows: Iterable[Seen]) -> None:
        self._by: defaultdict[Shared, Tally] = defaultdict(Tally)
        self._firmware: defaultdict[str, Tally] = defaultdict(Tally)
        for row in rows:
            self._by["host"].add(row.host, row.host)
            values: Sequence[tuple[Shared, str | None]] = (
                ("kernel", row.kernel), ("hardware", row.hardware), ("culprit", row.culprit),
            )  # fmt: skip
            for what, value in values:
                if value is not None:
                    self._by[what].add(value, row.host)
            if row.hardware is not None and row.firmware is not None:
                self._firmware[row.hardware].add(row.firmware, row.host)

    def of(self, what: Shared, model: str | None = None) -> Tally:
        """The numbers of one kind; those of firmware only among machines of one model."""
        if what == "firmware":
            return self._firmware.get(model or "", Tally())
        return self._by.get(what, Tally())


class Fleet(Counts):
    """All occurrences there are, those of the problem in question too. Built once, asked often."""
