"""Which problem an occurrence belongs to."""

import hashlib

from vmtriage.models.occurrence import Occurrence


def problem_id(occurrence: Occurrence) -> str:
    """12 hex digits, the same for the same bug for ever: it stands in links.

    Of the fingerprint's algorithm and problem value, and of `scope` where these alone would throw
    together what is not one problem (problems/scope.py). Does not look at `occurrence.problem`.
    """
    return id_of(occurrence.algorithm, occurrence.fingerprint_problem, occurrence.scope)


def id_of(algorithm: str, fingerprint: str, scope: str) -> str:
    """The same of its parts, for what is no occurrence yet. fingerprint: its `problem`."""
    return hashlib.sha256("\n".join((algorithm, fingerprint, scope)).encode()).hexdigest()[:12]
