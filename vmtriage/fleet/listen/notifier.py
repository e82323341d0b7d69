"""A notifier: a bounded queue and a thread, so that a slow hook stalls nobody but itself."""

import queue
import sys
import threading
from abc import ABC, abstractmethod
from contextlib import suppress
from typing import TextIO

from vmtriage.fleet.notify.base import NotTold
from vmtriage.models.event import Event

_WAITING = 1000  # events


NotifyFailed = NotTold  # the event could not be delivered; the text says why


class Notifier(ABC):
    """Subclasses say in `deliver` how one event is told."""

    def __init__(self, name: str, errors: TextIO | None = None) -> None:
        self.name = name
        self.dropped = self.failed = self.delivered = 0
        self._errors = errors or sys.stderr
        self._queue: queue.Queue[Event | None] = queue.Queue(_WAITING)
        self.ending = threading.Event()  # retries stop waiting
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    @abstractmethod
    def deliver(self, event: Event) -> None:
        """Tell one event; NotifyFailed if that was not possible. May take its time."""

    def start(self) -> None:
        """Begin to deliver."""
        self._thread.start()

    def put(self, event: Event) -> None:
        """Never waits; what there is no room for is counted."""
        try:
            self._queue.put_nowait(event)
        except queue.Full:
            self.dropped += 1

    def close(self, seconds: float) -> None:
        """Deliver what is queued, as far as the time allows."""
        with suppress(queue.Full):
            self._queue.put(None, timeout=seconds)
        self._thread.join(seconds)
        if self._thread.is_alive():
            self.ending.set()
            self.dropped += self._queue.qsize()

    def _run(self) -> None:
        while (event := self._queue.get()) is not None:
            try:
                self.deliver(event)
                self.delivered += 1
            except NotifyFailed as error:
                self._complain(str(error), event)
            except Exception as error:  # a notifier must outlive any event
                self._complain(f"{type(error).__name__}: {error}", event)

    def _complain(self, why: str, event: Event) -> None:
        self.failed += 1
        if self.failed <= 10 or self.failed % 100 == 0:  # a broken hook must not fill the journal
            with suppress(OSError, ValueError):
                self._errors.write(
                    f"vmtriage listen: {self.name} failed ({self.failed} times by now):"
                    f" {why}; event of {event.host}\n"
                )
                self._errors.flush()
