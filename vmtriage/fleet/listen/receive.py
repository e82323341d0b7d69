"""UDP sockets: large buffers, drained in one go, with the kernel's count of what it dropped."""

import ipaddress
import os
import selectors
import socket
import struct
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import NamedTuple, Self

from vmtriage.errors import CannotListen

PORT = 6666
LONGEST = 16384  # bytes of a datagram that are read; netconsole sends about 1000
BUFFER = 64 * 1024 * 1024  # bytes; root gets it, others what net.core.rmem_max allows
_BATCH = 500  # datagrams of one socket before the others have their turn
_SO_RCVBUFFORCE, _SO_MEMINFO = 33, 55  # asm-generic/socket.h
_DROPS = 8  # the place of sk_drops in SO_MEMINFO: include/uapi/linux/sock_diag.h


class Bind(NamedTuple):
    """An address to listen on."""

    host: str
    port: int

    @classmethod
    def of(cls, text: str) -> Self:
        """`ADDRESS:PORT`, `[IPv6]:PORT`, an address or a port. ValueError says what is wrong."""
        host, port = text, str(PORT)
        if text.isdigit():
            return cls("0.0.0.0", cls._port(text))
        if text.startswith("["):
            host, closed, rest = text[1:].partition("]")
            host = host if closed else text
            port = rest.removeprefix(":") or port
        elif text.count(":") == 1:
            host, _, port = text.partition(":")
        try:
            ipaddress.ip_address(host)
        except ValueError:
            raise ValueError(
                f"{text!r}: {host!r} is no IP address; write 10.0.0.1:6666 or [::1]:6666"
            ) from None
        return cls(host, cls._port(port))

    @staticmethod
    def _port(text: str) -> int:
        if not text.isdigit() or int(text) > 65535:
            raise ValueError(f"{text!r} is no port: a number from 0 to 65535")
        return int(text)

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


EVERYWHERE = (Bind("0.0.0.0", PORT), Bind("::", PORT))

Feed = Callable[[str, bytes, float], None]


class Receiver:
    """All sockets of the listener. Close it, or use it as a context."""

    def __init__(self, binds: Sequence[Bind] = (), buffer: int = BUFFER) -> None:
        """CannotListen if an address cannot be had. Without `binds`: IPv4, and IPv6 if it is on."""
        self._selector = selectors.DefaultSelector()
        self._sockets: list[socket.socket] = []
        self._wake, self._woken = socket.socketpair()
        self._woken.setblocking(False)
        self._selector.register(self._woken, selectors.EVENT_READ)
        self.cut = 0
        for bind in binds or EVERYWHERE:
            try:
                self._sockets.append(_opened(bind, buffer))
            except OSError as error:
                if not binds and ":" in bind.host and self._sockets:
                    continue  # no IPv6 on this machine
                self.close()
                raise CannotListen(
                    f"cannot listen on {bind}: {os.strerror(error.errno or 0)}",
                    next_step="is another receiver running? see: ss -ulpn; or choose: --bind",
                ) from error
        for each in self._sockets:
            self._selector.register(each, selectors.EVENT_READ)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def addresses(self) -> list[Bind]:
        """Where it listens, with the ports the kernel chose for 0."""
        return [Bind(*each.getsockname()[:2]) for each in self._sockets]

    def buffer(self) -> int:
        """Bytes the kernel really gives each socket."""
        return min(each.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) for each in self._sockets)

    def receive(self, feed: Feed, clock: Callable[[], float], seconds: float) -> None:
        """Wait at most so long, then hand on what has come: a batch from every socket."""
        for key, _ in self._selector.select(seconds):
            if key.fileobj is self._woken:
                with suppress(BlockingIOError):
                    self._woken.recv(4096)
                continue
            receive, now, cut = key.fileobj.recvfrom, clock(), LONGEST + 1  # type: ignore[union-attr]
            for _ in range(_BATCH):
                try:
                    data, address = receive(cut)
                except OSError:  # nothing left
                    break
                if len(data) == cut:
                    self.cut += 1
                feed(address[0], data, now)

    def drops(self) -> int:
        """Datagrams the kernel had no room for, since the start."""
        total = 0
        for each in self._sockets:
            with suppress(OSError, struct.error):  # before Linux 4.12: not to be had
                raw = each.getsockopt(socket.SOL_SOCKET, _SO_MEMINFO, 4 * (_DROPS + 1))
                total += struct.unpack_from("I", raw, 4 * _DROPS)[0]
        return total

    def wake(self) -> None:
        """End a wait now; safe in a signal handler."""
        with suppress(OSError):
            self._wake.send(b"\0")

    def close(self) -> None:
        """Close all sockets."""
        for each in (*self._sockets, self._wake, self._woken):
            each.close()
        self._selector.close()


def _opened(bind: Bind, buffer: int) -> socket.socket:
    six = ":" in bind.host
    opened = socket.socket(socket.AF_INET6 if six else socket.AF_INET, socket.SOCK_DGRAM)
    try:
        if six:
            opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        try:
            opened.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, buffer)
        except PermissionError:
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        opened.setblocking(False)
        info = socket.getaddrinfo(
            bind.host, bind.port, opened.family, socket.SOCK_DGRAM, 0, socket.AI_NUMERICHOST
        )
        opened.bind(info[0][4])
    except OSError:
        opened.close()
        raise
    return opened
