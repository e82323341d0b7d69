"""From reports to problems: the same bug on many hosts, told as one. Pure functions, no I/O.

report -> occurrence_of -> Occurrence -> place (which problem, following redirects)
occurrences of one problem + Fleet + near ones -> view -> ProblemView
"""

from vmtriage.analysis.problems.blame import culprit_kind, culprit_label
from vmtriage.analysis.problems.common import common
from vmtriage.analysis.problems.fleet import Fleet, Seen, seen
from vmtriage.analysis.problems.identity import problem_id
from vmtriage.analysis.problems.moves import place, redirect
from vmtriage.analysis.problems.near import Neighbours, Stack, near, stack_of
from vmtriage.analysis.problems.occurrence import occurrence_of
from vmtriage.analysis.problems.states import Closed, Stated, states
from vmtriage.analysis.problems.view import view

__all__ = [
    "Closed",
    "Fleet",
    "Neighbours",
    "Seen",
    "Stack",
    "Stated",
    "common",
    "culprit_kind",
    "culprit_label",
    "near",
    "occurrence_of",
    "place",
    "problem_id",
    "redirect",
    "seen",
    "stack_of",
    "states",
    "view",
]
