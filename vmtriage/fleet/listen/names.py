"""Names for addresses: a file that is there even when DNS is not, then DNS, never waited for."""

import queue
import socket
import threading
from collections import OrderedDict
from collections.abc import Callable

from vmtriage.fleet.namemap import HOST_NAME, NameMap

_KNOWN_S, _UNKNOWN_S = 3600.0, 300.0  # how long an answer, and the lack of one, is good
_MOST = 10_000  # answers kept

Resolve = Callable[[str], str]


def ask_dns(address: str) -> str:
    """The name of an address; OSError without one."""
    return socket.getnameinfo((address, 0), socket.NI_NAMEREQD)[0]


class Names:
    """What to call a host. `name` returns at once, always."""

    def __init__(
        self, table: NameMap, clock: Callable[[], float], resolve: Resolve | None = ask_dns
    ) -> None:
        """`resolve` None: no DNS at all."""
        self.map, self._clock = table, clock
        self._answers: OrderedDict[str, tuple[float, str | None]] = OrderedDict()
        self._asked: queue.Queue[str] = queue.Queue(256)
        self._pending: set[str] = set()
        self._lock = threading.Lock()
        self._resolve = resolve
        if resolve is not None:
            # a daemon: a resolver that hangs must not keep us from ending
            threading.Thread(target=self._serve, name="dns", daemon=True).start()

    def name(self, address: str) -> str:
        """The name from the file, else from DNS if it has answered, else the address."""
        known = self.map.get(address)
        if known is not None:
            return known
        with self._lock:
            until, answer = self._answers.get(address, (0.0, None))
            stale = until <= self._clock() and address not in self._pending
            if self._resolve is not None and stale:
                try:
                    self._asked.put_nowait(address)
                    self._pending.add(address)
                except queue.Full:
                    pass  # asked again with the next event
            return answer or address

    def _serve(self) -> None:
        assert self._resolve is not None
        while True:
            address = self._asked.get()
            try:
                found: str | None = self._resolve(address)
            except (OSError, UnicodeError):
                found = None
            if found is not None and not HOST_NAME.fullmatch(found):
                found = None  # whoever owns the reverse zone writes what he likes
            with self._lock:
                self._pending.discard(address)
                good = _KNOWN_S if found else _UNKNOWN_S
                self._answers[address] = (self._clock() + good, found)
                while len(self._answers) > _MOST:
                    self._answers.popitem(last=False)
