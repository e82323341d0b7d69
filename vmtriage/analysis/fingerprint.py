"""The same value for the same bug, whatever host, CPU, PID, address, offset or build.

The same from crash's stack and from the log of the same crash: both are read by the same rules
(klog/blame.py), and only what those rules name goes in. Kernel release, taint and live patches are
facets beside the value. Any change of rules that changes values needs a new ALGORITHM.
"""

import hashlib
from collections.abc import Sequence

from vmtriage.models.evidence import Facts
from vmtriage.models.finding import Classification, CrashClass, Fingerprint, GuiltyFunction

ALGORITHM = "vmtriage-2"

# Somebody wanted this dump: whatever code ran then is no bug's.
_ASKED_FOR = frozenset({CrashClass.SYSRQ, CrashClass.NMI})


def fingerprint(
    facts: Facts, classification: Classification, function: GuiltyFunction | None
) -> Fingerprint:
    """The fingerprint of a crash, with its facets."""
    path = function.path if function else ()
    name = function.name if function else None
    system = facts.system
    return of(
        classification.crash_class, name, path,
        release=system.release if system else None,
        taint=tuple(dict.fromkeys(letter for m in _tainting(facts) for letter in m)),
    )  # fmt: skip


def of(
    crash_class: CrashClass,
    function: str | None,
    path: Sequence[str],
    *,
    release: str | None = None,
    taint: tuple[str, ...] = (),
) -> Fingerprint:
    """The fingerprint of what is known of a crash: class, function, its significant callers."""
    if crash_class in _ASKED_FOR:
        function, path = None, ()
    stable = path[0] if path else function or "-"
    problem = (crash_class.value, stable)
    exact = (*problem, *path[1:])
    return Fingerprint(
        algorithm=ALGORITHM, exact=_hash(exact), problem=_hash(problem), parts=exact,
        release=release, taint=taint, livepatched="K" in taint,
    )  # fmt: skip


def _tainting(facts: Facts) -> tuple[str, ...]:
    return tuple(m.taints for m in facts.modules.modules) if facts.modules else ()


def _hash(parts: tuple[str, ...]) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]
