"""What one sender says: datagrams to lines, lines to windows. Bounded, whatever he sends.

The clock is handed in with every call, so tests need not wait.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from vmtriage.fleet.listen import netconsole
from vmtriage.fleet.listen.counters import Counters
from vmtriage.fleet.listen.order import Gap, Orderer
from vmtriage.fleet.listen.window import Context, Finished, Limits, Window

_PARTIAL_S = 1.0  # a line without its end is taken as it is after so long
_JOIN_S = 0.1  # the same for a record that may be continued

Keep = Callable[[str, bytes], None]


@dataclass(slots=True)
class Shared:
    """What all hosts of one listener have in common."""

    interesting: Callable[[bytes], object]  # truthy: a line of this datagram opens a window
    done: Callable[[Finished], None]
    wall: Callable[[], float]
    limits: Limits = field(default_factory=Limits)
    counters: Counters = field(default_factory=Counters)
    keep: Keep | None = None  # gets every line, for --log-dir
    active: dict[str, "Host"] = field(default_factory=dict)  # those that `tick` has to look at
    windows: dict[str, "Host"] = field(default_factory=dict)  # open ones, oldest first


class Host:
    """What one address has sent and is not done with."""

    __slots__ = (
        "_caller", "_context", "_fragments_begin_with_c", "_order", "_partial", "_pending",
        "_pending_due", "_shared", "_window", "address", "release",
    )  # fmt: skip

    def __init__(self, address: str, shared: Shared) -> None:
        self.address, self._shared = address, shared
        self.release = b""
        self._context = Context(shared.limits)
        self._window: Window | None = None
        self._order: Orderer | None = None
        self._partial = b""  # plain: the start of a line
        self._pending: bytes | None = None  # extended: a line that may be continued
        self._pending_due = 0.0
        self._caller = b""
        self._fragments_begin_with_c = False  # kernels before 4.9 mark the first fragment

    def feed(self, data: bytes, now: float) -> None:
        """One datagram."""
        record = netconsole.parse(data)
        if record is not None:
            self._record(record, now)
            return
        shared = self._shared
        if self._partial or not data.endswith(b"\n") or self._pending is not None:
            data = self._whole(data, now)
            if not data:
                return
        shared.counters.lines += data.count(b"\n")
        if shared.keep is not None:
            shared.keep(self.address, data)
        if self._window is None and not shared.interesting(data):
            self._context.add(data)
            return
        for line in data.split(b"\n")[:-1]:
            self._judge(line[: netconsole.MAX_LINE], now)

    def tick(self, now: float) -> None:
        """Give up waiting for what is due, close the window if it is time."""
        if self._partial and now >= self._pending_due:
            line, self._partial = self._partial, b""
            self._line(line, now)
        if self._order is not None and self._order.waiting:
            self._deliver(self._order.tick(now), now)
        if self._pending is not None and now >= self._pending_due:
            self._settle(now)
        if self._window is not None and self._window.over(now):
            self._close()
        if not self._busy():
            self._shared.active.pop(self.address, None)

    def flush(self, now: float) -> None:
        """The host or the listener goes: everything is told now."""
        if self._order is not None:
            self._deliver(self._order.flush(), now)
        self._settle(now)
        if self._partial:
            line, self._partial = self._partial, b""
            self._line(line, now)
        if self._window is not None:
            self._close()
        self._shared.active.pop(self.address, None)

    def _busy(self) -> bool:
        return bool(
            self._window
            or self._partial
            or self._pending is not None
            or (self._order is not None and self._order.waiting)
        )

    # -- plain -----------------------------------------------------------------------------------

    def _whole(self, data: bytes, now: float) -> bytes:
        """Whole lines only; the rest waits for its end."""
        self._settle(now)
        if self._partial:
            fresh = netconsole.STAMPED.match(data) is not None
            data = self._partial + (b"\n" if fresh else b"") + data
        whole, newline, rest = data.rpartition(b"\n")
        if len(rest) > netconsole.MAX_LINE:
            whole, newline, rest = data, b"\n", b""
        self._partial, self._pending_due = rest, now + _PARTIAL_S
        if rest:
            self._shared.active[self.address] = self
        return whole + newline

    # -- extended --------------------------------------------------------------------------------

    def _record(self, record: netconsole.Record, now: float) -> None:
        if self._order is None:
            self._order = Orderer(self._shared.counters)
        self._deliver(self._order.add(record, now), now)
        self._shared.active[self.address] = self

    def _deliver(self, ready: list[netconsole.Record | Gap], now: float) -> None:
        for each in ready:
            if isinstance(each, Gap):
                self._settle(now)
                self._line(b"-- vmtriage: %d %s missing: lost on the way, or below the"
                           b" sender's console log level --"
                           % (each, b"record" if each == 1 else b"records"), now)  # fmt: skip
                continue
            self.release = each.release or self.release
            first, *more = netconsole.texts(each)
            if self._continues(each) and self._pending is not None:
                self._pending = (self._pending + first)[: netconsole.MAX_LINE]
            else:
                self._settle(now)
                self._pending = netconsole.stamped(each.time_us, first)
                self._caller = each.caller
            for line in more:
                self._settle(now)
                self._pending = netconsole.stamped(each.time_us, line)
            self._pending_due = now + _JOIN_S

    def _continues(self, record: netconsole.Record) -> bool:
        if record.flag == b"-" or record.caller != self._caller:
            return False
        if record.flag == b"+":
            self._fragments_begin_with_c = True
            return True
        return not self._fragments_begin_with_c

    def _settle(self, now: float) -> None:
        if self._pending is not None:
            line, self._pending = self._pending, None
            self._line(line, now)

    # -- lines -----------------------------------------------------------------------------------

    def _line(self, line: bytes, now: float) -> None:
        shared = self._shared
        shared.counters.lines += 1
        if shared.keep is not None:
            shared.keep(self.address, line + b"\n")
        self._judge(line, now)

    def _judge(self, line: bytes, now: float) -> None:
        shared = self._shared
        if self._window is None:
            if not shared.interesting(line):
                self._context.add(line)
                return
            self._open(line, now)
        assert self._window is not None
        if not self._window.add(line, now):
            self._close()

    def _open(self, line: bytes, now: float) -> None:
        shared = self._shared
        if len(shared.windows) >= shared.limits.windows:
            next(iter(shared.windows.values()))._close()
        self._window = Window(self._context.take(), line, now, shared.wall(), shared.limits)
        shared.windows[self.address] = shared.active[self.address] = self

    def _close(self) -> None:
        window, self._window = self._window, None
        self._shared.windows.pop(self.address, None)
        if window is not None:
            self._shared.counters.windows += 1
            self._shared.done(window.finished(self.address, self.release))
