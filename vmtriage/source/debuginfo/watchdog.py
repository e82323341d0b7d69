"""Ends a download that is too slow. A socket's own timeout does not: one byte starts it anew."""

import socket
import threading
import time
from contextlib import suppress

_WANTED_BYTES = 100 << 10  # in each span of timeout_s, as DEBUGINFOD_TIMEOUT means it


class Watchdog:
    """Shuts a connection down when too little comes by it, or when its time is over."""

    def __init__(self, timeout_s: float, max_s: float) -> None:
        self._timeout_s, self._max_s = timeout_s, max_s
        self._socket: socket.socket | None = None
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._got = 0
        self.bit = ""  # why it shut the connection down
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> "Watchdog":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        if self._socket:
            self._socket.close()

    def guard(self, connection: socket.socket) -> None:
        """Watches this one from now on. It is duplicated: TLS takes the original away."""
        with self._lock:
            if self._socket:
                self._socket.close()
            self._socket = connection.dup()
            if self.bit:
                self._cut()

    def fed(self, size: int) -> None:
        """So many bytes came."""
        self._got += size

    def _watch(self) -> None:
        began = time.monotonic()
        while True:
            before = self._got
            left = began + self._max_s - time.monotonic()
            if self._over.wait(min(self._timeout_s, max(0.0, left))):
                return
            got = self._got - before
            if time.monotonic() - began >= self._max_s:
                self.bit = f"not done after {self._max_s:g} s"
            elif got < _WANTED_BYTES:
                self.bit = f"too slow: {got >> 10} KB in {self._timeout_s:g} s"
            if self.bit:
                with self._lock:
                    self._cut()
                return

    def _cut(self) -> None:
        if self._socket:
            with suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)
