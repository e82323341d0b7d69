"""A site's files, read back and held against each other."""

import os
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit


def texts(site: Path) -> dict[str, bytes]:
    """Every file that a reader may see, by its path."""
    return {
        str(path.relative_to(site)): path.read_bytes()
        for path in sorted(site.rglob("*"))
        if path.is_file() and not path.name.startswith(".vmtriage-")
    }


class Page(HTMLParser):
    """The tags, links, text and ids of a page."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self._inside: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._inside.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in self._inside:
            while self._inside.pop() != tag:
                pass

    def handle_data(self, data: str) -> None:
        if not {"script", "style"} & {*self._inside}:
            self.words.append(data)

    @property
    def text(self) -> str:
        return "".join(self.words)

    @property
    def links(self) -> list[str]:
        return [href for _, attrs in self.tags if (href := attrs.get("href"))]


def broken_links(site: Path) -> list[str]:
    """Links between pages that lead to no file."""
    broken = []
    for page in sorted(site.rglob("*.html")):
        if page.name.startswith("report"):
            continue
        for href in Page(page.read_text(encoding="utf-8")).links:
            parts = urlsplit(href)
            if parts.scheme or not parts.path:
                continue
            target = Path(os.path.normpath(page.parent / unquote(parts.path)))
            if not (target.is_file() and target.is_relative_to(site)):
                broken.append(f"{page.relative_to(site)}: {href}")
    return broken
