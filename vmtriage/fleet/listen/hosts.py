"""All senders, as many as may be remembered; who has not been heard of for longest goes first."""

from collections import OrderedDict

from vmtriage.fleet.listen.host import Host, Shared


class Hosts:
    """All hosts, the least lately heard of first."""

    def __init__(self, shared: Shared) -> None:
        self._shared = shared
        self._hosts: OrderedDict[str, Host] = OrderedDict()

    def __len__(self) -> int:
        return len(self._hosts)

    def feed(self, address: str, data: bytes, now: float) -> None:
        """A datagram from an address; empty ones are nothing."""
        self._shared.counters.datagrams += 1
        if not data:
            return
        host = self._hosts.get(address)
        if host is None:
            host = self._new(address, now)
        else:
            self._hosts.move_to_end(address)
        host.feed(data, now)

    def tick(self, now: float) -> None:
        """Several times a second."""
        for host in list(self._shared.active.values()):
            host.tick(now)

    def flush(self, now: float) -> None:
        """All of them, when the listener ends."""
        for host in list(self._shared.active.values()):
            host.flush(now)

    def _new(self, address: str, now: float) -> Host:
        if len(self._hosts) >= self._shared.limits.hosts:
            _, oldest = self._hosts.popitem(last=False)
            oldest.flush(now)
            self._shared.counters.evicted += 1
        host = self._hosts[address] = Host(address, self._shared)
        return host
