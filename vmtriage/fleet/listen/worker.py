"""Assessing in a process of its own: it takes no time from reception, and may hang or die.

A window it hangs or dies of is told as such, and the next one gets a fresh process.
"""

import hashlib
import itertools
import multiprocessing
import os
import queue
import signal
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from multiprocessing.connection import Connection

from vmtriage.fleet.listen.counters import Counters
from vmtriage.fleet.listen.window import Finished
from vmtriage.models.event import Assess, Event, Sender
from vmtriage.models.finding import CrashClass
from vmtriage.report.safe import visible

_WAITING = 4096  # windows: a hall without power dies in one second
_WAITING_SIZE = 64 * 1024 * 1024  # bytes of all of them
_LIMIT_S = 30.0  # for one window
_START_S = 60.0  # until the process has loaded what it needs

Factory = Callable[[], Assess]


def _serve(pipe: Connection, factory: Factory) -> None:
    """The child: windows in, events out, until the other end closes."""
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, signal.SIG_IGN)  # the parent ends us when the last window is done
    with suppress(OSError):
        os.nice(10)
    assess = factory()
    pipe.send(None)
    while True:
        try:
            text, sender = pipe.recv()
        except EOFError:
            return
        try:
            answer: object = tuple(assess(text, sender))
        except Exception as error:
            answer = f"{type(error).__name__}: {error}"
        pipe.send(answer)


class Assessor:
    """A queue of windows, a thread, and the child it feeds."""

    def __init__(
        self,
        factory: Factory,
        name: Callable[[str], str],
        told: Callable[[Sequence[Event]], None],
        counters: Counters,
        limit_s: float = _LIMIT_S,
    ) -> None:
        """`told` gets the events, in the thread; `factory` must be picklable."""
        self._factory, self._name, self._told = factory, name, told
        self._counters, self._limit_s = counters, limit_s
        # the dying first, then in the order of coming; None ends it, after all others
        self._queue: queue.PriorityQueue[tuple[int, int, Finished | None]]
        self._queue = queue.PriorityQueue(_WAITING)
        self._number, self._size, self._closing = itertools.count(), 0, False
        self._lock = threading.Lock()
        self._context = multiprocessing.get_context("spawn")
        self._pipe: Connection | None = None
        self._child: multiprocessing.process.BaseProcess | None = None
        self._thread = threading.Thread(target=self._run, name="assess", daemon=True)
        self._thread.start()

    def put(self, window: Finished) -> None:
        """Never waits; what there is no room for is counted."""
        with self._lock:
            try:
                if self._size + window.size > _WAITING_SIZE:
                    raise queue.Full
                self._queue.put_nowait((0 if window.dying else 1, next(self._number), window))
                self._size += window.size
            except queue.Full:
                self._counters.windows_dropped += 1

    def close(self, seconds: float) -> None:
        """Assess what is queued, as far as the time allows, and end the child."""
        with suppress(queue.Full):
            self._queue.put((2, 0, None), timeout=seconds)
        self._thread.join(seconds)
        if self._thread.is_alive():
            self._closing = True
            self._counters.windows_dropped += self._queue.qsize()  # and one half done, less None
        self._kill()

    def _run(self) -> None:
        with suppress(OSError, EOFError):
            self._start()  # before it is needed: the first crash is not kept waiting
        while (window := self._queue.get()[2]) is not None and not self._closing:
            with self._lock:
                self._size -= window.size
            sender = Sender(
                host=self._name(window.address), address=window.address,
                received=window.opened, release=window.release.decode("ascii", "replace") or None,
            )  # fmt: skip
            try:
                answer = self._ask(window.text(), sender)
            except (OSError, EOFError, TimeoutError) as error:
                if self._closing:
                    return
                self._kill()
                answer = str(error) or type(error).__name__
            if isinstance(answer, str):
                self._counters.assess_failed += 1
                answer = (_unassessed(window, sender, answer),)
            self._told(answer)

    def _ask(self, text: str, sender: Sender) -> str | tuple[Event, ...]:
        if self._child is None or not self._child.is_alive():
            self._start()
        assert self._pipe is not None
        self._pipe.send((text, sender))
        if not self._pipe.poll(self._limit_s):
            raise TimeoutError(f"no answer in {self._limit_s:g} s")
        answer: str | tuple[Event, ...] = self._pipe.recv()
        return answer

    def _start(self) -> None:
        self._kill()
        self._pipe, other = self._context.Pipe()
        self._child = self._context.Process(target=_serve, args=(other, self._factory), daemon=True)
        self._child.start()
        other.close()
        if not self._pipe.poll(_START_S):
            raise TimeoutError(f"the assessor was not ready in {_START_S:g} s")
        self._pipe.recv()

    def _kill(self) -> None:
        child, self._child = self._child, None
        if child is not None:
            child.kill()
            child.join(5)
        pipe, self._pipe = self._pipe, None
        if pipe is not None:
            pipe.close()


def _unassessed(window: Finished, sender: Sender, why: str) -> Event:
    line = visible(window.line.decode("utf-8", "backslashreplace")[:1000])
    return Event(
        host=sender.host, address=sender.address, received=sender.received,
        crash_class=CrashClass.UNKNOWN, title=f"not assessed ({why}): {line[:200]}",
        severity="serious", line=line, release=sender.release,
        fingerprint=hashlib.sha256(b"unassessed\n" + window.line[:60]).hexdigest()[:32],
    )  # fmt: skip
