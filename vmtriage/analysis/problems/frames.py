"""A crash's significant functions, innermost first: what two crashes are compared by."""

from collections.abc import Iterator, Sequence

from vmtriage.analysis import anchors, plumbing, skip
from vmtriage.models.backtrace import Backtrace
from vmtriage.models.report import Report

MOST = 16


def frames_of(report: Report) -> tuple[str, ...]:
    """The fingerprint's path, then the panic stack's callers beyond it where crash has run.

    They end where an interrupt came in: below it stands whoever was interrupted.
    """
    told = report.fingerprint.parts[1:] if report.fingerprint else ()
    path = tuple(name for name in told if name != "-")
    if not path or not report.backtraces:
        return path[:MOST]
    names = list(_names(report.backtraces[0]))
    after = names.index(path[-1]) + 1 if path[-1] in names else len(names)
    return tuple(dict.fromkeys((*path, *_significant(names[after:]))))[:MOST]


def _names(stack: Backtrace) -> Iterator[str]:
    for frame in stack.frames:
        yield plumbing.base_name(frame.function)


def _significant(names: Sequence[str]) -> Iterator[str]:
    for name in names:
        if anchors.interrupts(name):
            return
        if not (skip.carries(name) or skip.passes(name)):
            yield name
