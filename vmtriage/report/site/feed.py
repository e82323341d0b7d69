"""Atom feeds (RFC 4287): the newest crashes of the fleet, or of one problem."""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from xml.etree import ElementTree

from vmtriage import __version__
from vmtriage.models.occurrence import Occurrence
from vmtriage.report import safe
from vmtriage.report.human import iso
from vmtriage.report.site import names

ENTRIES = 30
_ATOM = "http://www.w3.org/2005/Atom"
_MADE = "2026"  # of the tag: URIs (RFC 4151), a year in which the name was ours


def feed(
    store: str, title: str, directory: str, newest: Sequence[tuple[Occurrence, datetime]],
    base_url: str | None, now: datetime,
) -> str:  # fmt: skip
    """The feed of `directory` (empty: the whole fleet). newest: with when each was last read.

    Its ids hold the store's id and never change, whatever the site's address. Without base_url
    links are relative to the feed.
    """
    root = ElementTree.Element("feed", xmlns=_ATOM)
    _add(root, "id", _tag(store, directory or "fleet"))
    _add(root, "title", title)
    _add(root, "updated", iso(max((when for _, when in newest), default=now)))
    _add(ElementTree.SubElement(root, "author"), "name", "vmtriage")
    _add(root, "generator", "vmtriage", version=__version__)
    to = base_url.rstrip("/") + "/" if base_url else names.up(directory)
    page = f"{directory}/" if directory else ""
    if base_url:
        _add(root, "link", rel="self", type="application/atom+xml", href=f"{to}{page}feed.xml")
    _add(root, "link", rel="alternate", type="text/html", href=_page(to, directory, base_url))
    for occurrence, when in newest[:ENTRIES]:
        _entry(root, store, occurrence, when, to, base_url)
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ElementTree.tostring(root, "unicode") + "\n"


def _entry(
    root: ElementTree.Element, store: str, occurrence: Occurrence, when: datetime, to: str,
    base_url: str | None,
) -> None:  # fmt: skip
    entry = ElementTree.SubElement(root, "entry")
    at, problem = names.dump(occurrence.dump), names.problem(occurrence.problem)
    _add(entry, "id", _tag(store, at))
    _add(entry, "title", f"{occurrence.host}: {occurrence.title}")
    _add(entry, "updated", iso(when))
    _add(entry, "published", iso(occurrence.first_seen))
    _add(entry, "link", rel="alternate", type="text/html", href=_page(to, at, base_url))
    _add(entry, "link", rel="related", type="text/html", href=_page(to, problem, base_url))
    _add(entry, "category", term=occurrence.crash_class.value)
    read = "" if occurrence.stage == "full" else " (of its log; the dump is not read yet)"
    _add(entry, "summary", occurrence.summary + read, type="text")


def _page(to: str, directory: str, base_url: str | None) -> str:
    page = f"{to}{directory}/" if directory else to
    return page if base_url else f"{page}index.html"


def _tag(store: str, what: str) -> str:
    owner = hashlib.sha256(store.encode("utf-8", "surrogatepass")).hexdigest()[:16]
    return f"tag:{owner}.vmtriage.invalid,{_MADE}:{what}"


def _add(parent: ElementTree.Element, name: str, text: str = "", **attributes: str) -> None:
    made = ElementTree.SubElement(parent, name, attributes)
    if text:
        made.text = safe.visible(text)
