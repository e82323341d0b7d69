"""The report as Markdown, ready to paste into a ticket."""

import re
from dataclasses import dataclass

from vmtriage.models.report import Report
from vmtriage.report import safe, stack, templates, view

RAW_BUDGET = 24_000  # characters: trackers refuse long bodies (GitHub 65,536, Jira 32,767)


@dataclass(frozen=True)
class Excerpt:
    """As much of one output as fits."""

    command: str
    text: str
    lines: int
    left_out: int  # lines
    cut: int  # bytes that were not kept in the first place


def excerpts(raws: tuple[view.Raw, ...], budget: int = RAW_BUDGET) -> tuple[Excerpt, ...]:
    """The outputs in order, until the budget is spent; what is left out is counted."""
    out = []
    for raw in raws:
        kept: list[str] = []
        for line in raw.lines:
            budget -= len(line) + 1
            if budget < 0:
                break
            kept.append(line)
        left = len(raw.lines) - len(kept)
        out.append(
            Excerpt(raw.output.command, "\n".join(kept), len(raw.lines), left, raw.output.cut)
        )
    return tuple(out)


def stack_text(rows: tuple[stack.Row, ...]) -> str:
    """The stack as text: => marks the guilty function, ~ another name of the fault."""
    out = []
    for row in rows:
        if row.kind == "frame":
            sign = "=>" if row.guilty else " ~" if row.alternative else "  "
            module = f" [{row.module}]" if row.module else ""
            doubt = " (unreliable)" if row.unreliable else ""
            out.append(f"{sign} #{row.level:<3}{safe.visible(row.text)}{module}{doubt}")
        elif row.exception is None:
            out.append(f"       --- {safe.visible(row.text)} ---")
        elif row.exception.bogus:
            out.append("       !!! crash doubts this exception block: its values are not used")
        elif row.exception.user_mode:
            out.append("       *** came from user mode ***")
        else:
            out.append(f"       *** interrupted at {safe.visible(row.text)} ***")
    return "\n".join(out)


def render(report: Report) -> str:
    """`report` as Markdown."""
    shown = view.build(report)
    env = templates.markdown()
    head = env.get_template("report.md.j2").render(
        r=report, v=shown, stack_text=stack_text(shown.stack_rows)
    )
    raw = env.get_template("raw.md.j2").render(raws=excerpts(shown.raws))
    # Blank lines of the template collapse; raw output keeps its own.
    return (re.sub(r"\n{3,}", "\n\n", head).rstrip() + "\n" + raw).rstrip() + "\n"
