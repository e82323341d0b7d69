"""The crashes of one problem, host or culprit, with what its page has to know around them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from vmtriage.models.occurrence import Occurrence
from vmtriage.report.site.rows import Row, Summary

NAMES = 12  # hosts, kernels ... in sight; the others below "more"
MOST_NAMES = 500  # the JSON has them all


@dataclass(frozen=True)
class Crashes:
    """before: as the pages on disk show them, None where there are none to compare with."""

    rows: Sequence[Row]
    newest: Occurrence | None  # the latest of them, whole
    known: Mapping[str, Summary]  # all problems: what links to them say
    before: Sequence[Row] | None = None
    today: date | None = None
