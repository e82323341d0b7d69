"""Whether a known bug is in a kernel.

Two kernels are compared only within one line (el7 with el7, Debian with Debian), in the order
of that line's packages. Against mainline a distribution's kernel is judged in the safe direction
only: as new as the fix means fixed, older means nothing, for distributions backport.
"""

import re
from collections.abc import Callable, Sequence
from typing import Any

from vmtriage.analysis.kernels import DEB_ORDER, RED_HAT, UPSTREAM, Kernel, triple
from vmtriage.models.signature import KernelRange, KernelVerdict


def compare(line: str, left: str, right: str) -> int:
    """-1, 0 or 1: the order of two package versions of one line, as rpm or dpkg sees them."""
    if left == right:
        return 0
    # late, for univers takes 10 to 30 ms to import
    if line in ("mainline", "arch", "other"):
        a, b = _mainline_key(left), _mainline_key(right)
        return (a > b) - (a < b)
    if line in DEB_ORDER:
        from univers.debian import Version

        parse: Callable[[str], Any] = Version.from_string
        first, second = parse(left), parse(right)
        return int(first > second) - int(first < second)
    from univers.rpm import compare_rpm_versions

    return int(compare_rpm_versions(left, right))


def _mainline_key(version: str) -> tuple[int, int, int, int]:
    number = UPSTREAM.match(version)
    if not number:
        return (0, 0, 0, 0)
    return (*triple(number), int(number[4]) if number[4] else 1_000_000)  # rc before release


def _stream(line: str, version: str) -> str | None:
    """The branch a version belongs to if its fix holds for that branch only, else None.

    RHEL's 3.10.0-327.44.2 was made for 327.x; stable's 5.10.80 and Debian's 5.10.84-1 for 5.10.
    """
    if line in RED_HAT:
        found = re.match(r"[\d.]+-(\d+)(?:\.\d+)+\.\D", version)
        return found[1] if found else None
    number = UPSTREAM.match(version)
    if not number or number[3] is None or number[4]:
        return None
    # 5.10.0 alone is the start of a series; with a package revision it is a package of it
    return f"{number[1]}.{number[2]}" if int(number[3]) or "-" in version else None


def _branch(line: str, version: str) -> str | None:
    """The branch a kernel of this version is on."""
    if line in RED_HAT:
        found = re.match(r"[\d.]+-(\d+)", version)
        return found[1] if found else None
    number = UPSTREAM.match(version)
    return f"{number[1]}.{number[2]}" if number else None


Answer = tuple[KernelVerdict, str, str | None]  # verdict, the comparison in words, fixed in


def verdict(kernel: Kernel, ranges: Sequence[KernelRange]) -> Answer:
    """Is this kernel affected? With the comparison shown, and the version that has the fix."""
    if not ranges:
        return "unknown", "not tied to kernel versions", None
    if kernel.line == "unknown":
        return "unknown", "nothing says which kernel it was", None
    own = [r for r in ranges if r.line == kernel.line]
    for entry in ranges:
        if kernel.series and kernel.series in entry.affected_series and _may_use(kernel, entry):
            until = f"; fixed in {entry.fixed}" if entry.fixed else ""
            return (
                "affected",
                f"{kernel.name} {_shown(kernel)} is of the {kernel.series} series, and every"
                f" {kernel.series} kernel has the bug{until}",
                entry.fixed,
            )
    answer = _within_line(kernel, own) if own and kernel.package else None
    if answer and (answer[0] != "unknown" or kernel.line == "mainline"):
        return answer
    upstream = [r for r in ranges if r.line == "mainline" and kernel.line != "mainline"]
    safe = _by_mainline(kernel, upstream)
    if safe and (safe[0] == "fixed" or not answer):
        return safe
    if answer:
        return answer
    known = ", ".join(sorted({r.line for r in ranges}))
    return "unknown", f"{kernel.name}: nothing is recorded for it (only for {known})", None


def _may_use(kernel: Kernel, entry: KernelRange) -> bool:
    return entry.line == kernel.line or (
        entry.line == "mainline" and kernel.line not in RED_HAT and kernel.line != "uek"
    )


def _shown(kernel: Kernel) -> str:
    return kernel.package or kernel.release


def _within_line(kernel: Kernel, entries: Sequence[KernelRange]) -> Answer:
    line, package = kernel.line, kernel.package or ""
    if kernel.rc is not None and line == "mainline":
        package = kernel.release
    branch = _branch(line, package)
    label = f"{kernel.name} {package}"
    ahead: list[tuple[KernelRange, str | None]] = []  # not reached, with the fix's stream
    behind: list[KernelRange] = []  # passed, but the fix was made for another branch
    for entry in entries:
        if entry.introduced and compare(line, package, entry.introduced) < 0:
            if line == "mainline":
                reason = f"{label} is older than {entry.introduced}, which brought the bug"
                return "unknown", f"{reason}, unless stable took that change over", entry.fixed
            return "fixed", f"{label} is older than {entry.introduced}: the bug came later", None
        if not entry.fixed:
            continue
        stream = _stream(line, entry.fixed)
        if compare(line, package, entry.fixed) < 0:
            ahead.append((entry, stream))
        elif stream in (None, branch):
            relation = "is" if package == entry.fixed else "is not older than"
            return "fixed", f"{label} {relation} {entry.fixed}, which has the fix", entry.fixed
        else:
            behind.append(entry)
    return _not_fixed(kernel, label, package, branch, ahead, behind)


def _not_fixed(
    kernel: Kernel,
    label: str,
    package: str,
    branch: str | None,
    ahead: Sequence[tuple[KernelRange, str | None]],
    behind: Sequence[KernelRange],
) -> Answer:
    line = kernel.line
    for entry, _ in ahead:
        doubtful = entry.uncertain_from
        if doubtful and compare(line, package, doubtful) >= 0:
            return (
                "unknown",
                f"{label} lies between {doubtful} and {entry.fixed}: no record says which build"
                " in between was the first known to have the fix",
                _first(line, [e for e, stream in ahead if stream == branch] or [entry]),
            )
    same = [e for e, stream in ahead if stream is not None and stream == branch]
    whole = [e for e, stream in ahead if stream is None]
    later = [e for e, stream in ahead if stream is not None and stream != branch]
    nearest = _first(line, same or [*whole, *later])
    if nearest and (same or _older_is_affected(kernel, bool(whole), bool(later))):
        return (
            "affected",
            f"{label} is older than {nearest}, the first known to have the fix",
            nearest,
        )
    if nearest:
        reason = f"{label} is older than {nearest}, but its branch may carry the fix as a backport"
        return "unknown", reason, nearest
    if behind:
        fix = _first(line, behind)
        reason = (
            f"{fix} has the fix, but for its own branch; whether {label} has it is not on record"
        )
        return "unknown", reason, fix
    return "unknown", f"{label}: no fixed version is on record", None


def _older_is_affected(kernel: Kernel, whole: bool, later: bool) -> bool:
    """May "older than the fix, on another branch" be called affected?"""
    if kernel.line in RED_HAT:
        return whole or later
    # a x.y.0 of mainline has no backports; a x.y.z may have the fix from the stable team
    return (
        kernel.line == "mainline"
        and whole
        and kernel.upstream is not None
        and (kernel.upstream[2] == 0)
    )


def _first(line: str, entries: Sequence[KernelRange]) -> str | None:
    best: str | None = None
    for entry in entries:
        if entry.fixed and (best is None or compare(line, entry.fixed, best) < 0):
            best = entry.fixed
    return best


def _by_mainline(kernel: Kernel, entries: Sequence[KernelRange]) -> Answer | None:
    """A distribution's kernel against mainline: may say fixed, never affected."""
    if not entries or not kernel.upstream:
        return None
    if kernel.line in RED_HAT:
        return None
    version = ".".join(map(str, kernel.upstream)) + (f"-rc{kernel.rc}" if kernel.rc else "")
    for entry in entries:
        if not entry.fixed or compare("mainline", version, entry.fixed) < 0:
            continue
        if _stream("mainline", entry.fixed) in (None, kernel.series):
            reason = (
                f"{kernel.name} {_shown(kernel)} is based on Linux {version}, not older than"
                f" {entry.fixed}, which has the fix"
            )
            return "fixed", reason, entry.fixed
    fixed = _first("mainline", entries)
    brought = next((e.introduced for e in entries if e.introduced), None)
    if brought and compare("mainline", version, brought) < 0:
        reason = (
            f"{kernel.name} {_shown(kernel)} is based on Linux {version}, older than {brought},"
            " which brought the bug; the distribution may have taken that change over"
        )
        return "unknown", reason, fixed
    reason = (
        f"{kernel.name} {_shown(kernel)} is based on Linux {version}; the fix came with {fixed},"
        " and the distribution may have backported it"
    )
    return "unknown", reason, fixed
