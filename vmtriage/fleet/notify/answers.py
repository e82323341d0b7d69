"""What a server's answer means, in plain words: come later, or somebody has to change something."""

import http.client
import json
import math
import re
import ssl
import urllib.error
import urllib.parse
from collections.abc import Mapping
from datetime import UTC, datetime
from email.message import Message
from email.utils import parsedate_to_datetime
from time import monotonic, time
from typing import Any

from vmtriage.fleet.notify.base import Later, NotTold, Refused
from vmtriage.report.safe import visible

_MOST = 16 << 20  # bytes of an answer
_SAID = 300  # characters of a server's own words


def refusal(
    error: urllib.error.HTTPError,
    host: str,
    changes: bool,
    timeout_s: float,
    fix: Mapping[int, str],
) -> NotTold:
    """What an answer that is no success means. changes: it was asked to change something."""
    said = _said(error, timeout_s)
    code = error.code
    why = f"{host}: {code} {visible(error.reason or '')}{said}"
    seconds = _retry_after(error.headers)
    if code == 429 or (code == 403 and (seconds is not None or "rate limit" in said.lower())):
        return Later(f"{why}; it is told later", 60.0 if seconds is None else seconds)
    if code == 408 or code >= 500:
        turned_away = code == 503 and seconds is not None
        return Later(why, seconds, unsure=changes and not turned_away)
    if 300 <= code < 400:
        to = visible(urllib.parse.urlsplit(error.headers.get("Location", "")).netloc)
        return Refused(f"{why}: redirected to {to or 'elsewhere'}; configure the new address")
    hint = fix.get(code) or _FIXES.get(code, "")
    everything = code in (401, 403, 404, 405, 407)
    text = f"{why}{'; ' + hint if hint else ''}"
    return Refused(text, everything=everything, status=code)


_FIXES = {
    401: "the token is not accepted: is it the right one, and not expired?",
    403: "the token may not do this: give it the permission",
    404: "there is no such address, or the token may not see it",
    407: "the proxy wants a password: see HTTPS_PROXY in the environment",
}


def read(answer: http.client.HTTPResponse, seconds: float) -> bytes:
    """The whole body. Its limits hold for a server that trickles, too."""
    end, parts, size = monotonic() + seconds, [], 0
    while part := answer.read1(1 << 16):
        parts.append(part)
        size += len(part)
        if size > _MOST or monotonic() > end:
            raise TimeoutError("the answer is too long, or comes too slowly")
    return b"".join(parts)


def parsed(body: bytes) -> Any:
    """Its JSON; None where it is none."""
    try:
        return json.loads(body)
    except ValueError:  # some say "ok"
        return None


def _said(error: urllib.error.HTTPError, seconds: float) -> str:
    """What the server itself says is wrong, on one line, cut."""
    try:
        data = parsed(read(error.fp, seconds))  # type: ignore[arg-type]
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


def reason(error: object) -> str:
    """Why there is no answer, in words."""
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


def next_page(link: str) -> str | None:
    """The next page, of RFC 8288's Link header."""
    found = re.search(r'<([^>]*)>\s*;[^,]*\brel="?next"?', link)
    return found[1] if found else None
