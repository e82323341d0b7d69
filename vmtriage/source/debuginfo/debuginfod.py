"""debuginfod: a vmlinux by build-id, from one server.

A proxy is used only where http_proxy, https_proxy and no_proxy say so.
"""

import http.client
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

from vmtriage.source.debuginfo.servers import Servers
from vmtriage.source.debuginfo.store import Store
from vmtriage.source.debuginfo.trail import Unusable
from vmtriage.source.debuginfo.watchdog import Watchdog

_PIECE = 1 << 20
_SHOW_EVERY = 8 << 20


def fetch(
    url: str, target: Path, store: Store, servers: Servers, max_s: float, say: Callable[[str], None]
) -> None:
    """Downloads to a file of the store's workspace. Unusable says what the server did."""
    limit = min(store.max_bytes, servers.max_bytes or store.max_bytes)
    with Watchdog(servers.timeout_s, servers.max_s or max_s) as watchdog:
        try:
            with _opener(watchdog).open(_request(url), timeout=servers.timeout_s) as answer:
                _save(answer, target, store, limit, watchdog, say)
        except urllib.error.HTTPError as error:
            error.close()
            unknown = " (it does not know this build-id)" if error.code == 404 else ""
            raise Unusable(f"HTTP {error.code} {error.reason}{unknown}") from error
        except (OSError, http.client.HTTPException, ValueError) as error:
            if watchdog.bit:
                raise Unusable(watchdog.bit) from error
            reason = getattr(error, "reason", None) or error
            if isinstance(reason, TimeoutError):
                raise Unusable(f"silent for {servers.timeout_s:g} s") from error
            raise Unusable(f"no answer: {reason}" if str(reason) else "no answer") from error


def _save(
    answer: http.client.HTTPResponse, target: Path, store: Store, limit: int,
    watchdog: Watchdog, say: Callable[[str], None],
) -> None:  # fmt: skip
    told = answer.headers.get("Content-Length", "")
    size = int(told) if told.isdigit() else None
    if size is not None and size > limit:
        raise Unusable(f"{size >> 20} MB are more than the {limit >> 20} MB allowed")
    store.check_room(size or 0)
    got = next_shown = 0
    with target.open("xb") as file:
        while piece := answer.read1(_PIECE):
            got += len(piece)
            if got > limit:
                raise Unusable(f"more than the {limit >> 20} MB allowed")
            watchdog.fed(len(piece))
            store.append(file, piece)
            if got >= next_shown:
                store.check_room((size or got) - got)
                whole = f" of {size >> 20}" if size else ""
                say(f"fetching vmlinux: {got >> 20}{whole} MB")
                next_shown = got + _SHOW_EVERY
    if watchdog.bit:
        raise Unusable(watchdog.bit)
    if size is not None and got != size:
        raise Unusable(f"cut short: {got} of {size} bytes came")
    if not got:
        raise Unusable("an empty answer")


def _request(url: str) -> urllib.request.Request:
    headers = {"User-Agent": "vmtriage", "Accept-Encoding": "identity"}
    return urllib.request.Request(url, headers=headers)


def _opener(watchdog: Watchdog) -> urllib.request.OpenerDirector:
    """http and https alone: a redirect must not lead to ftp or a file."""

    class Plain(http.client.HTTPConnection):
        def connect(self) -> None:
            super().connect()
            watchdog.guard(self.sock)

    class Tls(http.client.HTTPSConnection, Plain):
        """Guarded before the handshake: HTTPSConnection connects by way of Plain."""

    class PlainHandler(urllib.request.HTTPHandler):
        def http_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
            return self.do_open(Plain, req)

    class TlsHandler(urllib.request.HTTPSHandler):
        def https_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
            return self.do_open(Tls, req)

    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(), PlainHandler(), TlsHandler(),
        urllib.request.HTTPDefaultErrorHandler(), urllib.request.HTTPRedirectHandler(),
        urllib.request.HTTPErrorProcessor(), urllib.request.UnknownHandler(),
    ):  # fmt: skip
        opener.add_handler(handler)
    return opener
