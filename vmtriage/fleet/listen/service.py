"""The listener as a whole: one loop that receives, everything slow in other threads."""

import hashlib
import queue
import socket
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

from vmtriage.errors import BadConfig, CannotWrite
from vmtriage.fleet.listen.counters import Counters, told
from vmtriage.fleet.listen.dispatch import Dispatcher
from vmtriage.fleet.listen.hooks import notifier
from vmtriage.fleet.listen.host import Shared
from vmtriage.fleet.listen.hosts import Hosts
from vmtriage.fleet.listen.interest import searcher
from vmtriage.fleet.listen.limit import Rate
from vmtriage.fleet.listen.logdir import Batch, LogDir
from vmtriage.fleet.listen.names import Names, Resolve, ask_dns
from vmtriage.fleet.listen.notifier import Notifier
from vmtriage.fleet.listen.receive import Bind, Receiver
from vmtriage.fleet.listen.rules import Chooser, Rules
from vmtriage.fleet.listen.window import Limits
from vmtriage.fleet.listen.worker import Assessor, Factory
from vmtriage.fleet.namemap import NameMap
from vmtriage.models.event import Event
from vmtriage.models.finding import CrashClass

_TICK_S = 0.1
_CHECK_S = 2.0  # the name map, the drops
_END_S = 10.0  # for the last windows, and again for the last notices


@dataclass(frozen=True, slots=True)
class Options:
    """What a user can choose."""

    rules: Chooser
    binds: Sequence[Bind] = ()  # none: everywhere
    names: Path | None = None
    resolve: Resolve | None = ask_dns
    limits: Limits = field(default_factory=Limits)
    rate: Rate = field(default_factory=Rate)
    wanted: Sequence[str] = ()  # patterns of lines that a site's own signatures ask for
    log_dir: Path | None = None
    log_size: int = 10_000_000
    report_s: float = 60.0  # between two tellings of what was lost
    seconds: float | None = None  # to listen; None: until stopped


class Listener:
    """`run` returns when `stop` was called, or the time is over."""

    def __init__(
        self, options: Options, engine: Factory, messages: TextIO | None = None,
        notifiers: Sequence[Notifier | None] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:  # fmt: skip
        """CannotListen, CannotWrite and BadConfig before anything is started."""
        self._options, self._clock = options, clock
        self._messages = messages or sys.stderr
        self.counters = Counters()
        self._stopped = False
        self._batch: Batch = []
        self._told: dict[str, int] = {}
        self._events: queue.SimpleQueue[Sequence[Event]] = queue.SimpleQueue()
        table = NameMap(options.names)
        search = searcher(options.wanted)
        with ExitStack() as undo:
            self.receiver = undo.enter_context(Receiver(options.binds))
            self._log = self._open_log(options, table)
            undo.pop_all()
        self._names = Names(table, clock, options.resolve)
        self._assessor = Assessor(engine, self._names.name, self._events.put, self.counters)
        keep = self._keep if self._log else None
        shared = Shared(search, self._assessor.put, time.time, options.limits, self.counters, keep)
        self._hosts = Hosts(shared)
        rules = options.rules
        if notifiers is None and isinstance(rules, Rules):
            notifiers = [None if rule.drop else notifier(rule) for rule in rules.notify]
        self._dispatch = Dispatcher(rules, notifiers or (), options.rate, self.counters)

    def stop(self) -> None:
        """End soon, in good order. Safe in a signal handler."""
        self._stopped = True
        self.receiver.wake()

    def run(self) -> None:
        """Receive until stopped; then tell what is left."""
        clock = self._clock
        for address in self.receiver.addresses():
            self._say(f"listening on {address}")
        self._say(f"receive buffer {self.receiver.buffer() // 1024} KiB")
        began = clock()
        end = began + (self._options.seconds or float("inf"))
        tick, check, report = began, began + _CHECK_S, began + self._options.report_s
        while not self._stopped and (now := clock()) < end:
            self.receiver.receive(self._hosts.feed, clock, _TICK_S)
            if self._batch and self._log:
                self._log.put(time.time(), self._batch)
                self._batch = []
            # by the time before: what has come since is not read yet, and nobody's silence
            if now >= tick:
                tick = now + _TICK_S
                self._tick(now)
            if now >= check:
                check = now + _CHECK_S
                self._check()
            if now >= report:
                report = now + self._options.report_s
                self._report(now)
        self._finish()

    def _keep(self, address: str, lines: bytes) -> None:
        self._batch.append((address, lines))

    def _tick(self, now: float) -> None:
        self._hosts.tick(now)
        while not self._events.empty():
            self._dispatch.take(self._events.get(), now)
        self._dispatch.tick(now)

    def _check(self) -> None:
        self.counters.kernel_drops, self.counters.cut = self.receiver.drops(), self.receiver.cut
        if self._log:
            self.counters.log_dropped = self._log.dropped
        try:
            if self._names.map.refresh():
                self._say("name map read again")
        except BadConfig as error:
            self._say(f"{error.message}; the old names stay")

    def _report(self, now: float) -> None:
        """What was lost since the last time: a line here, an event to whoever is told."""
        losses = self.counters.losses()
        new = {name: count - self._told.get(name, 0) for name, count in losses.items()}
        new = {name: count for name, count in new.items() if count}
        self._told = losses
        if not new:
            return
        words = told(new)
        self._say(words)
        here = socket.gethostname()
        event = Event(
            kind="listener", host=here, address="", received=datetime.now(UTC),
            crash_class=CrashClass.UNKNOWN, title=f"vmtriage listen: {words}", severity="serious",
            fingerprint=hashlib.sha256(f"listener {sorted(new)}".encode()).hexdigest()[:32],
            line=self.counters.summary(),
        )  # fmt: skip
        self._dispatch.take([event], now)

    def _finish(self) -> None:
        now, before = self._clock(), -1
        while before < self.counters.datagrams and self._clock() < now + 1:
            before = self.counters.datagrams  # what had come before the end
            self.receiver.receive(self._hosts.feed, self._clock, 0)
        self._hosts.flush(now)
        if self._log:
            self._log.put(time.time(), self._batch)
            self._log.close(_END_S)
        self._assessor.close(_END_S)
        self._tick(now)
        self._check()
        self._report(now)
        self.receiver.close()
        self._dispatch.close(now, _END_S)
        self._say(f"{self.counters.summary()}; {len(self._hosts)} hosts")

    @staticmethod
    def _open_log(options: Options, table: NameMap) -> LogDir | None:
        if options.log_dir is None:
            return None
        try:
            # not DNS: its answer comes late, and a host's file must not change its name
            return LogDir(
                options.log_dir,
                lambda address: table.get(address) or address,
                options.log_size,
                most=options.limits.hosts,
            )
        except OSError as error:
            raise CannotWrite(
                f"--log-dir {options.log_dir}: {error.strerror}",
                next_step="make the directory, writable for this user",
            ) from error

    def _say(self, text: str) -> None:
        self._messages.write(f"vmtriage listen: {text}\n")
        self._messages.flush()
