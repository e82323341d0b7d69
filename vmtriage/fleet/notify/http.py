"""One way to speak HTTP to trackers and hooks: bounded, without redirects, errors in plain words.

The standard library on purpose: it trusts the system's certificates (a company's own CA stands
there, not in a bundle that a package brings) and takes proxies from the environment. Nothing here
sleeps: who is told to come later says so by `Later`, and the next run tries again.
"""

import http.client
import json
import ssl
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from socket import gaierror
from typing import Any

from pydantic import SecretStr

from vmtriage import __version__
from vmtriage.fleet.notify.answers import next_page, parsed, read, reason, refusal
from vmtriage.fleet.notify.base import Later, NotTold, Refused
from vmtriage.fleet.notify.secrets import masked

Query = Mapping[str, str | int]
_PAGES = 20  # that are turned at most


@dataclass(frozen=True, slots=True)
class Answer:
    """A 2xx answer. body: of its JSON; None where there is none. next: the next page's address."""

    status: int
    body: Any
    next: str | None = None


def no_headers() -> Mapping[str, SecretStr]:
    """Of a server that asks for no token."""
    return {}


@dataclass(frozen=True)
class Http:
    """A server. headers: the secret ones, read when something is sent."""

    address: str | Callable[[], SecretStr] = field(repr=False)  # a hook's is a secret itself
    headers: Callable[[], Mapping[str, SecretStr]] = field(default=no_headers, repr=False)
    timeout_s: float = 10.0
    fix: Mapping[int, str] = field(default_factory=dict)  # what to do about a status, in words

    @property
    def base(self) -> str:
        """The address; Refused where it is a secret that cannot be read."""
        told = self.address
        return told if isinstance(told, str) else told().get_secret_value()

    @property
    def host(self) -> str:
        """Which may stand in messages."""
        return urllib.parse.urlsplit(self.base).netloc.rpartition("@")[2]

    @property
    def shown(self) -> str:
        """The host for a preview, which reads no secret."""
        return self.host if isinstance(self.address, str) else "***"

    def get(self, path: str, query: Query | None = None) -> Answer:
        """A look; repeated by nobody but the caller. path: below base, or a whole address of it."""
        return self._send("GET", path, query, None)

    def look(self, path: str, query: Query | None = None) -> Answer | None:
        """The same; None where there is no such thing, or no longer."""
        try:
            return self.get(path, query)
        except Refused as error:
            if error.status in (404, 410):
                return None
            raise

    def pages(self, path: str, query: Query) -> Iterator[Any]:
        """The body of each page, as it is asked for."""
        answer = self.get(path, query)
        for _ in range(_PAGES):
            yield answer.body
            if answer.next is None:
                break
            answer = self.get(answer.next)

    def preview(self, path: str, header: str, body: object) -> str:
        """What `send` would POST; header: the one that carries the secret."""
        told = json.dumps(body, indent=1, ensure_ascii=False)
        return f"POST {self.base}{path}\n{header}: ***\n\n{told}\n"

    def send(
        self, method: str, path: str, body: object, extra: Mapping[str, str] | None = None
    ) -> Answer:
        """Something that changes the other side; body becomes JSON."""
        return self._send(method, path, None, json.dumps(body).encode(), extra)

    def _send(
        self, method: str, path: str, query: Query | None, data: bytes | None,
        extra: Mapping[str, str] | None = None,
    ) -> Answer:  # fmt: skip
        secrets = dict(self.headers())
        headers = {
            "Accept": "application/json", "User-Agent": f"vmtriage/{__version__}", **(extra or {}),
            **{name: value.get_secret_value() for name, value in secrets.items()},
        }  # fmt: skip
        if data is not None:
            headers["Content-Type"] = "application/json"
        try:
            return self._exchange(method, self._address(path, query), headers, data)
        except NotTold as error:
            path = urllib.parse.urlunsplit(("", "", *urllib.parse.urlsplit(self.base)[2:]))
            hidden = [*secrets.values(), SecretStr(self.base), SecretStr(path)]
            error.args = (masked(str(error), hidden),)
            raise

    def _address(self, path: str, query: Query | None) -> str:
        if path.startswith(("http://", "https://")):  # a link to the next page
            if urllib.parse.urlsplit(path)[:2] != urllib.parse.urlsplit(self.base)[:2]:
                raise Refused(f"{self.host} names a next page on another server")
            return path
        tail = f"?{urllib.parse.urlencode(query)}" if query else ""
        return f"{self.base.rstrip('/')}{path}{tail}" if path or tail else self.base

    def _exchange(
        self, method: str, address: str, headers: Mapping[str, str], data: bytes | None
    ) -> Answer:
        changes = method != "GET"
        try:
            request = urllib.request.Request(address, data, dict(headers), method=method)
            opener = urllib.request.build_opener(_NoRedirect)
            with opener.open(request, timeout=self.timeout_s) as answer:
                body = read(answer, self.timeout_s)
                link = next_page(answer.headers.get("Link", ""))
                return Answer(answer.status, parsed(body), link)
        except urllib.error.HTTPError as error:
            with error:
                raise refusal(error, self.host, changes, self.timeout_s, self.fix) from None
        except urllib.error.URLError as error:
            certain = isinstance(error.reason, ConnectionRefusedError | gaierror | ssl.SSLError)
            why = f"{self.host}: {reason(error.reason)}"
            raise Later(why, unsure=changes and not certain) from None
        except (OSError, http.client.HTTPException) as error:  # after all was sent
            raise Later(f"{self.host}: {reason(error)}", unsure=changes) from None
        except ValueError as error:  # an address that is none
            raise Refused(f"{self.host}: {error}") from None


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: object) -> None:
        """Neither token nor notice goes anywhere but where the configuration says."""
