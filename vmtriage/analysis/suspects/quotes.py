"""Lines of the log as evidence, word for word."""

import re

from vmtriage.analysis.suspects.case import Case
from vmtriage.models.evidence import Evidence


def line(case: Case, number: int, says: str, otherwise: str = "") -> Evidence:
    """The log's line of this number. otherwise: its text, should the log be lost."""
    records = case.facts.log.records if case.facts.log else ()
    text = next((each.text for each in records if each.line == number), otherwise)
    return Evidence(command="log", line=number, text=text.strip(), says=says)


def find(
    case: Case, pattern: str, says: str, since: int = 0, until: int | None = None
) -> tuple[Evidence, ...]:
    """The first line from `since` on, before `until`, in which the pattern is found; or ()."""
    form = re.compile(pattern)
    for each in case.facts.log.records if case.facts.log else ():
        inside = each.line >= since and (until is None or each.line < until)
        if inside and form.search(each.text):
            return (Evidence(command="log", line=each.line, text=each.text.strip(), says=says),)
    return ()
