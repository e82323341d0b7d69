"""The report as one HTML file that needs nothing else: no script, no network."""

from markupsafe import Markup

from vmtriage.models.report import Report
from vmtriage.report import safe, templates, view


def raw_lines(raw: view.Raw) -> Markup:
    """Every line with its own anchor, so that evidence can point at it."""
    out = []
    for number, line in enumerate(raw.lines, 1):
        mark = ' class="cited"' if number in raw.cited else ""
        out.append(f'<span id="{raw.anchor}-L{number}"{mark}>{safe.html_line(line)}</span>')
    return Markup("\n".join(out))


def render(report: Report) -> str:
    """`report` as HTML."""
    css, css_hash = templates.style()
    page = templates.html().get_template("report.html.j2")
    return page.render(
        r=report, v=view.build(report), css=css, css_hash=css_hash, raw_lines=raw_lines
    )
