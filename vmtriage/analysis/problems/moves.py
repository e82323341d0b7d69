"""What becomes of a problem when the full triage knows better than the log did."""

from collections.abc import Mapping

from vmtriage.models.occurrence import Occurrence


def place(occurrence: Occurrence, aliases: Mapping[str, str]) -> str:
    """The problem that an occurrence joins, given where the ids of emptied problems lead.

    The full stage is where its own id says. What a log alone takes for a problem that the full
    triage made another of goes there at once: else every such dump would open a ticket for the
    wrong one first. But not where the log says too little (no function: see problems/scope.py),
    for what was behind it last time is not what is behind it today.
    """
    own = occurrence.problem
    if occurrence.stage == "full" or occurrence.scope:
        return own
    passed = {own}
    while (further := aliases.get(own)) is not None and further not in passed:
        passed.add(further)
        own = further
    return own


def redirect(before: Occurrence, after: Occurrence, left: int) -> str | None:
    """Where the old problem's link leads from now on; None: it lives on, or nothing moved.

    `after` replaces `before`, both with the problem they were placed in; left: how many other
    occurrences the problem of `before` still has. An occurrence that comes to the old problem
    later ends the redirect: a problem with occurrences is never an alias.
    """
    if left > 0 or before.problem == after.problem:
        return None
    return after.problem
