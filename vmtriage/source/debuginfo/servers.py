"""Which debuginfod servers may be asked, and how long.

Environment as debuginfod-client-config(7) has it: DEBUGINFOD_URLS, DEBUGINFOD_TIMEOUT (seconds in
which at least 100 KB have to come), DEBUGINFOD_MAXTIME, DEBUGINFOD_MAXSIZE.
"""

import os
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass

_TIMEOUT_S = 90.0


@dataclass(frozen=True)
class Servers:
    """Whom to ask, and how long. Times in seconds, sizes in bytes."""

    urls: tuple[str, ...] = ()
    timeout_s: float = _TIMEOUT_S
    max_s: float | None = None
    max_bytes: int | None = None

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> "Servers":
        """What is no URL of a server (ima:... tags, file:) is passed over, as are bad numbers."""
        words = environment.get("DEBUGINFOD_URLS", "").split()
        return cls(
            tuple(dict.fromkeys(word.rstrip("/") for word in words if _is_url(word))),
            _number(environment, "DEBUGINFOD_TIMEOUT") or _TIMEOUT_S,
            _number(environment, "DEBUGINFOD_MAXTIME"),
            int(_number(environment, "DEBUGINFOD_MAXSIZE") or 0) or None,
        )


def url_of(server: str, build_id: str, what: str = "debuginfo") -> str:
    """Where a server has the debuginfo, or the executable, of a build."""
    return f"{server}/buildid/{build_id}/{what}"


def shown(url: str) -> str:
    """A URL without the password it may hold."""
    parts = urllib.parse.urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def _is_url(word: str) -> bool:
    return word.startswith(("http://", "https://")) and bool(urllib.parse.urlsplit(word).hostname)


def _number(environment: Mapping[str, str], name: str) -> float | None:
    text = environment.get(name, "")
    return float(text) if text.isascii() and text.isdigit() and int(text) > 0 else None
