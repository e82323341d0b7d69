"""Reports for people and programs: pure functions from Report to text, and files of them."""

import time
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
    began = time.monotonic()
    pages = {name: RENDERERS[name](report) for name in wanted if name != "json"}
    if "json" in wanted:  # last: it tells how long the others took
        took = round(time.monotonic() - began, 3)
        timing = report.timing.model_copy(
            update={"render_s": took, "total_s": round(report.timing.total_s + took, 3)}
        )
        pages["json"] = RENDERERS["json"](report.model_copy(update={"timing": timing}))
    return files.write_all(directory, {FILENAMES[name]: pages[name] for name in wanted})
