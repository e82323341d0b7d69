"""Reports for people and programs: pure functions from Report to text, and files of them."""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from vmtriage.models.report import Report
from vmtriage.report import files, html, jsonfile, markdown, text
from vmtriage.report.templates import prepare

__all__ = ["FILENAMES", "RENDERERS", "Renderer", "prepare", "terminal_summary", "write"]

Renderer = Callable[[Report], str]

terminal_summary = text.render

RENDERERS: Mapping[str, Renderer] = {
    "md": markdown.render,
    "html": html.render,
    "json": jsonfile.render,
    "text": text.render,
}
FILENAMES: Mapping[str, str] = {
    "md": "report.md",
    "html": "report.html",
    "json": "report.json",
}


def write(report: Report, directory: Path, formats: Iterable[str]) -> tuple[Path, ...]:
    """Write `report` in each of `formats` (keys of FILENAMES) into `directory`, atomically."""
    wanted = tuple(dict.fromkeys(formats))
    if unknown := [name for name in wanted if name not in FILENAMES]:
        raise ValueError(f"no file for format {unknown[0]!r}; there are: {', '.join(FILENAMES)}")
    return files.write_all(directory, {FILENAMES[n]: RENDERERS[n](report) for n in wanted})
