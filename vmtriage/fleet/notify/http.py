"""One way to speak HTTP to trackers and hooks: bounded, without redirects, errors in plain words.

The standard library on purpose: it trusts the system's certificates (a company's own CA stands
there, not in a bundle that a package brings) and takes proxies from the environment. Nothing here
sleeps: who is told to come later says so by `Later`, and the next run tries again.
"""

import http.client
import json
import math
import re
import ssl
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.message import Message
from email.utils import parsedate_to_datetime
from socket import gaierror
from time import monotonic, time
from typing import Any

from pydantic import SecretStr

from vmtriage import __version__
from vmtriage.fleet.notify.base import Later, NotTold, Refused
from vmtriage.fleet.notify.secrets import masked
from vmtriage.report.safe import visible

_MOST = 16 << 20  # bytes of an answer
_SAID = 300  # characters of a server's own words

Query = Mapping[str, str | int]


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
                body = _read(answer, self.timeout_s)
                link = _next(answer.headers.get("Link", ""))
                return Answer(answer.status, _json(body), link)
        except urllib.error.HTTPError as error:
            with error:
                raise self._refusal(error, changes) from None
        except urllib.error.URLError as error:
            certain = isinstance(error.reason, ConnectionRefusedError | gaierror | ssl.SSLError)
            why = f"{self.host}: {_reason(error.reason)}"
            raise Later(why, unsure=changes and not certain) from None
        except (OSError, http.client.HTTPException) as error:  # after all was sent
            raise Later(f"{self.host}: {_reason(error)}", unsure=changes) from None
        except ValueError as error:  # an address that is none
            raise Refused(f"{self.host}: {error}") from None

    def _refusal(self, error: urllib.error.HTTPError, changes: bool) -> NotTold:
        said = _said(error, self.timeout_s)
        code = error.code
        why = f"{self.host}: {code} {visible(error.reason or '')}{said}"
        seconds = _retry_after(error.headers)
        if code == 429 or (code == 403 and (seconds is not None or "rate limit" in said.lower())):
            return Later(f"{why}; it is told later", 60.0 if seconds is None else seconds)
        if code == 408 or code >= 500:
            turned_away = code == 503 and seconds is not None
            return Later(why, seconds, unsure=changes and not turned_away)
        if 300 <= code < 400:
            to = visible(urllib.parse.urlsplit(error.headers.get("Location", "")).netloc)
            return Refused(f"{why}: redirected to {to or 'elsewhere'}; configure the new address")
        fix = self.fix.get(code) or _FIXES.get(code, "")
        everything = code in (401, 403, 404, 405, 407)
        text = f"{why}{'; ' + fix if fix else ''}"
        return Refused(text, everything=everything, status=code)


_FIXES = {
    401: "the token is not accepted: is it the right one, and not expired?",
    403: "the token may not do this: give it the permission",
    404: "there is no such address, or the token may not see it",
    407: "the proxy wants a password: see HTTPS_PROXY in the environment",
}


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: object) -> None:
        """Neither token nor notice goes anywhere but where the configuration says."""


def _read(answer: http.client.HTTPResponse, seconds: float) -> bytes:
    """The whole body. Its limits hold for a server that trickles, too."""
    end, parts, size = monotonic() + seconds, [], 0
    while part := answer.read1(1 << 16):
        parts.append(part)
        size += len(part)
        if size > _MOST or monotonic() > end:
            raise TimeoutError("the answer is too long, or comes too slowly")
    return b"".join(parts)


def _json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:  # some say "ok"
        return None


def _said(error: urllib.error.HTTPError, seconds: float) -> str:
    """What the server itself says is wrong, on one line, cut."""
    try:
        data = _json(_read(error.fp, seconds))  # type: ignore[arg-type]
    except (OSError, http.client.HTTPException):
        return ""
    if not isinstance(data, dict):
        return ""
    words = [
        data.get("message"), data.get("error"), data.get("errorMessages"), data.get("errors"),
        data.get("error_description"),
    ]  # fmt: skip
    said = "; ".join(each if isinstance(each, str) else json.dumps(each) for each in words if each)
    return f" ({visible(said[:_SAID])})" if said else ""


def _reason(error: object) -> str:
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted here ({error.verify_message}): add its CA to the"\
            " system's, or name it in SSL_CERT_FILE"  # fmt: skip
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return visible(f"{error}"[:_SAID]) or type(error).__name__


def _retry_after(headers: Message) -> float | None:
    """Seconds until it wants to hear more; None: it does not say."""
    told = headers.get("Retry-After", "").strip()
    if re.fullmatch(r"\d{1,9}", told):
        return float(told)
    if told:
        try:
            when = parsedate_to_datetime(told)
        except ValueError:
            return None
        if when.tzinfo is None:
            when = when.replace(tzinfo=UTC)
        return max(0.0, (when - datetime.now(UTC)).total_seconds())
    spent = headers.get("X-RateLimit-Remaining") or headers.get("RateLimit-Remaining")
    reset = headers.get("X-RateLimit-Reset") or headers.get("RateLimit-Reset") or ""
    if spent == "0" and re.fullmatch(r"\d{1,12}", reset):
        return max(1.0, math.ceil(float(reset) - time()))
    return None


def _next(link: str) -> str | None:
    """The next page, of RFC 8288's Link header."""
    found = re.search(r'<([^>]*)>\s*;[^,]*\brel="?next"?', link)
    return found[1] if found else None
