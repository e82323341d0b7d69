"""Extended records of one host: fragments joined, order restored, gaps and repeats noticed.

A record that comes in order passes straight through; state is kept for the others only.
"""

from collections import OrderedDict, deque

from vmtriage.fleet.listen.counters import Counters
from vmtriage.fleet.listen.netconsole import Record

WAIT_S = 0.25  # for what is missing
HELD = 64  # records held back while one before them is missing
_PARTS = 16  # records in fragments at a time


class Gap(int):
    """So many sequence numbers did not come."""


class _Pieces:
    """The fragments of one record until all are there."""

    __slots__ = ("due", "found", "record", "size")

    def __init__(self, record: Record, due: float) -> None:
        self.record, self.due = record, due
        self.found: dict[int, bytes] = {}
        self.size = 0

    def add(self, record: Record) -> bool:
        """True if this one was new."""
        if record.offset in self.found:
            return False
        self.found[record.offset] = record.body
        self.size += len(record.body)
        return True

    def whole(self) -> Record:
        body = b"".join(self.found[at] for at in sorted(self.found))
        return self.record._replace(body=body, offset=0, total=0)


class Orderer:
    """The records of one host in the order they were printed."""

    __slots__ = ("_counters", "_due", "_expected", "_held", "_lost", "_parts", "_suspect")

    def __init__(self, counters: Counters) -> None:
        self._counters = counters
        self._expected = -1  # the next sequence number; -1: any
        self._held: dict[int, Record] = {}
        self._due = 0.0  # when to stop waiting for what _held waits for
        self._lost: deque[range] = deque(maxlen=8)  # given up lately: may still come late
        self._parts: OrderedDict[int, _Pieces] = OrderedDict()
        self._suspect: Record | None = None  # far behind: a straggler, or the first after a reboot

    @property
    def waiting(self) -> bool:
        """Is there anything that `tick` may have to give up on?"""
        return bool(self._held or self._parts or self._suspect)

    def add(self, record: Record, now: float) -> list[Record | Gap]:
        """What can be delivered now that this record has come."""
        if record.total:
            whole = self._joined(record, now)
            if whole is None:
                return []
            record = whole
        if record.sequence == self._expected and not self._held:
            self._expected += 1
            self._suspect = None
            return [record]
        return self._out_of_order(record, now)

    def tick(self, now: float) -> list[Record | Gap]:
        """Give up what was waited for long enough."""
        ready: list[Record | Gap] = []
        while self._parts and next(iter(self._parts.values())).due <= now:
            ready += self._give_up_oldest_parts(now)
        if self._suspect is not None and self._due <= now:
            ready += self._restart(self._suspect)
        if self._held and self._due <= now:
            ready += self._skip()
        return ready

    def flush(self) -> list[Record | Gap]:
        """Everything that is left, when the host or the listener goes."""
        ready: list[Record | Gap] = []
        while self.waiting:
            ready += self.tick(float("inf"))
        return ready

    def _joined(self, record: Record, now: float) -> Record | None:
        pieces = self._parts.get(record.sequence)
        if pieces is None or pieces.record.total != record.total:
            pieces = self._parts[record.sequence] = _Pieces(record, now + WAIT_S)
        if not pieces.add(record):
            self._counters.duplicates += 1
        if pieces.size < record.total:
            if len(self._parts) > _PARTS:  # hostile, or very unlucky: the oldest goes
                self._parts.popitem(last=False)
                self._counters.fragments_lost += 1
            return None
        del self._parts[record.sequence]
        return pieces.whole()

    def _give_up_oldest_parts(self, now: float) -> list[Record | Gap]:
        _, pieces = self._parts.popitem(last=False)
        self._counters.fragments_lost += 1
        whole = pieces.whole()
        if whole.sequence == self._expected and not self._held:
            self._expected += 1
            return [whole]
        return self._out_of_order(whole, now)

    def _out_of_order(self, record: Record, now: float) -> list[Record | Gap]:
        sequence = record.sequence
        if self._expected < 0:
            self._expected = sequence + 1
            return [record]
        if sequence < self._expected:
            return self._behind(record, now)
        if sequence in self._held:
            self._counters.duplicates += 1
            return []
        if not self._held:
            self._due = now + WAIT_S
        self._held[sequence] = record
        if sequence == self._expected:
            self._counters.reordered += len(self._held) - 1
            return self._in_a_row()
        return self._skip() if len(self._held) >= HELD else []

    def _behind(self, record: Record, now: float) -> list[Record | Gap]:
        sequence = record.sequence
        for at, lost in enumerate(self._lost):
            if sequence in lost:
                self._counters.late += 1
                self._counters.missing -= 1
                self._lost[at] = range(lost.start, sequence)
                if sequence + 1 < lost.stop:
                    self._lost.append(range(sequence + 1, lost.stop))
                return [record]
        if self._expected - sequence <= HELD:
            self._counters.duplicates += 1
            return []
        # Far behind: a copy that went round the world, or the host has booted again. The next
        # record decides; if none comes, it is the new beginning.
        before, self._suspect = self._suspect, record
        if before is None or not 0 < sequence - before.sequence <= HELD:
            self._due = now + WAIT_S
            return []
        return [*self._restart(before), *self.add(record, now)]

    def _restart(self, first: Record) -> list[Record | Gap]:
        left = [self._held[at] for at in sorted(self._held)]
        self._held.clear()
        self._lost.clear()
        self._suspect = None
        self._expected = first.sequence + 1
        return [*left, first]

    def _skip(self) -> list[Record | Gap]:
        """Stop waiting for the gap before the first record held."""
        first = min(self._held)
        gap = Gap(first - self._expected)
        self._counters.missing += gap
        self._lost.append(range(self._expected, first))
        self._expected = first
        return [gap, *self._in_a_row()]

    def _in_a_row(self) -> list[Record | Gap]:
        ready: list[Record | Gap] = []
        while (record := self._held.pop(self._expected, None)) is not None:
            ready.append(record)
            self._expected += 1
        return ready
