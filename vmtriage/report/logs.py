"""A log's report in every form: pure functions from LogReport to text.

The templates are loaded when a page is wanted: text and JSON start without them.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence

from vmtriage.models.logreport import LogReport
from vmtriage.report import logtext, safe
from vmtriage.report.jsonfile import harmless

LogRenderer = Callable[[LogReport], str]


def as_json(report: LogReport) -> str:
    """One object, indented."""
    return harmless(report.model_dump_json(by_alias=True, indent=1)) + "\n"


def as_line(report: LogReport) -> str:
    """One object on one line."""
    return harmless(report.model_dump_json(by_alias=True)) + "\n"


def as_markdown(report: LogReport) -> str:
    """For a ticket."""
    from vmtriage.report import templates

    page = templates.markdown().get_template("log.md.j2").render(r=report)
    return re.sub(r"\n{3,}", "\n\n", page).rstrip() + "\n"


def as_html(report: LogReport) -> str:
    """One file that needs nothing else: no script, no network."""
    from vmtriage.report import templates

    css, css_hash = templates.style()
    page = templates.html().get_template("log.html.j2")
    lines = [safe.html_line(line) for raw in report.raw for line in safe.lines(raw.text)]
    return page.render(r=report, css=css, css_hash=css_hash, lines=lines)


LOG_RENDERERS: Mapping[str, LogRenderer] = {
    "text": logtext.render,
    "json": as_json,
    "jsonl": as_line,
    "md": as_markdown,
    "html": as_html,
}


def schema() -> str:
    """The JSON Schema of one object that `vmtriage log --format json` prints."""
    model = LogReport.model_json_schema(by_alias=True, mode="serialization")
    return json.dumps(model, indent=1) + "\n"


def several(reports: Sequence[LogReport]) -> str:
    """Several logs as one JSON array."""
    return "[\n" + ",\n".join(as_json(each).rstrip() for each in reports) + "\n]\n"
