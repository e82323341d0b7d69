"""Names for addresses: a file that is there even when DNS is not, then DNS, never waited for."""

import ipaddress
import queue
import re
import socket
import threading
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

from vmtriage.errors import BadConfig

_KNOWN_S, _UNKNOWN_S = 3600.0, 300.0  # how long an answer, and the lack of one, is good
_MOST = 10_000  # answers kept
_NAME = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,251}[A-Za-z0-9_])?")

Resolve = Callable[[str], str]


def ask_dns(address: str) -> str:
    """The name of an address; OSError without one."""
    return socket.getnameinfo((address, 0), socket.NI_NAMEREQD)[0]


class NameMap:
    """A file of `ADDRESS NAME` lines, as /etc/hosts; read again when it changes."""

    def __init__(self, path: Path | None) -> None:
        """BadConfig names the first line that is wrong."""
        self._path, self._seen = path, (0, 0, 0)
        self._names: dict[str, str] = {}
        if path is not None:
            self.refresh()

    def get(self, address: str) -> str | None:
        """The name the file gives."""
        return self._names.get(address)

    def refresh(self) -> bool:
        """Read the file if it has changed. BadConfig, and the old names stay, if it is wrong."""
        if self._path is None:
            return False
        try:
            stat = self._path.stat()
            seen = (stat.st_mtime_ns, stat.st_size, stat.st_ino)
            if seen == self._seen:
                return False
            self._seen = seen
            self._names = _read(self._path)
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else str(error)
            raise BadConfig(f"name map {self._path}: {reason}", next_step="see --names") from error
        return True


def _read(path: Path) -> dict[str, str]:
    names: dict[str, str] = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        words = line.partition("#")[0].split()
        if not words:
            continue
        try:
            address = str(ipaddress.ip_address(words[0]))
        except ValueError:
            raise BadConfig(
                f"{path}:{number}: {words[0]!r} is no IP address",
                next_step="each line is: ADDRESS NAME",
            ) from None
        if len(words) < 2 or not _NAME.fullmatch(words[1]):
            raise BadConfig(
                f"{path}:{number}: no host name after {words[0]}",
                next_step="each line is: ADDRESS NAME, the name of letters, digits, . _ and -",
            )
        names[address] = words[1]
    return names


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
            if found is not None and not _NAME.fullmatch(found):
                found = None  # whoever owns the reverse zone writes what he likes
            with self._lock:
                self._pending.discard(address)
                good = _KNOWN_S if found else _UNKNOWN_S
                self._answers[address] = (self._clock() + good, found)
                while len(self._answers) > _MOST:
                    self._answers.popitem(last=False)
