"""Whether a signature that fits has anything to do with this crash.

A message about a disk, days before, fits its signature, but explains no NULL pointer. What was
found in the log alone counts if the signature is one for this class of crash, or if one of its
lines stands in the crash's own report.
"""

from collections.abc import Sequence

from vmtriage.analysis.crash_view import CrashView
from vmtriage.models.evidence import Evidence
from vmtriage.models.finding import CrashClass, Incident
from vmtriage.models.signature import Match, Signature

# Nothing else explains these: every message that fits is a lead.
_OPEN = frozenset({CrashClass.UNKNOWN, CrashClass.PANIC, CrashClass.SYSRQ, CrashClass.NMI})


def relevant(signature: Signature, evidence: Sequence[Evidence], crash: CrashView) -> bool:
    """Whether this signature, found with this evidence, may explain the crash."""
    kind = crash.classification.crash_class
    if crash.own is None or kind in _OPEN or signature.crash_class is kind:
        return True
    if _names(signature.match, kind):
        return True
    return any(each.command != "log" or each.line in crash.own for each in evidence)


def own_lines(incident: Incident | None) -> range | None:
    """The lines of an incident's report."""
    return range(incident.first_line, incident.last_line + 1) if incident else None


def _names(match: Match, kind: CrashClass) -> bool:
    """Whether the author asked for this class of crash."""
    if kind in match.classes:
        return True
    return any(_names(each, kind) for each in (*match.all_of, *match.any_of))
