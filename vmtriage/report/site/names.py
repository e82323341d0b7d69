"""Names of strangers as parts of addresses: no name steers a path, no two share one."""

import hashlib
import re

_PLAIN = re.compile(r"[a-z0-9_][a-z0-9._-]{0,99}")
_OURS = re.compile(r"index\.|feed\.|page-\d|.*\.\Z")  # what we call files of our own; a last dot
_ROUGH = re.compile(r"[^a-z0-9._-]+")


def segment(name: str) -> str:
    """`name` as one part of a path: itself where it is plain, else a part of it, ~ and a hash.

    Plain: 1 to 100 of a-z 0-9 . _ - that do not begin with . or -. Upper case is not, as
    some file systems take Host for host. The hash is 16 hex digits of SHA-256 of the name in
    UTF-8; ~ stands in no plain name, so that nothing plain can look like it.
    """
    if _PLAIN.fullmatch(name) and not _OURS.match(name):
        return name
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:16]
    return f"{_ROUGH.sub('-', name[:400].lower())[:40].strip('-._')}~{digest}"


def problem(id: str) -> str:
    """The directory of a problem."""
    return f"p/{segment(id)}"


def dump(id: str) -> str:
    """The directory of a dump; report.html, report.md and report.json lie in it."""
    return f"d/{segment(id)}"


def host(name: str) -> str:
    """The directory of a host."""
    return f"h/{segment(name)}"


def culprit(kind: str, name: str) -> str:
    """The directory of a culprit; kind: application, container, module ..."""
    return f"c/{segment(kind)}/{segment(name)}"


def numbered(directory: str, number: int) -> str:
    """The directory of a further page of a long list."""
    return f"{directory}/page-{number}"


def up(directory: str) -> str:
    """What leads from a page in `directory` to the site's root."""
    return "../" * (directory.count("/") + 1) if directory else ""
