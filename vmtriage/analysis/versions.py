"""Whether a known bug is in a kernel.

Two kernels are compared only within one line (el7 with el7, Debian with Debian), in the order
of that line's packages. Against mainline a distribution's kernel is judged in the safe direction
only: as new as the fix means fixed, older means nothing, for distributions backport.
"""

from collections.abc import Sequence

from vmtriage.analysis.kernels import RED_HAT, Kernel
from vmtriage.analysis.ordering import as_built, branch, compare, family, stream
from vmtriage.models.signature import KernelRange, KernelVerdict

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
    return entry.line in (kernel.line, family(kernel.line)) or (
        entry.line == "mainline" and kernel.line not in RED_HAT and kernel.line != "uek"
    )


def _shown(kernel: Kernel) -> str:
    return kernel.package or kernel.release


def _within_line(kernel: Kernel, entries: Sequence[KernelRange]) -> Answer:
    line, package = kernel.line, kernel.package or ""
    if kernel.rc is not None and line == "mainline":
        package = kernel.release
    label = f"{kernel.name} {package}"
    package = as_built(package)
    on = branch(line, package)
    ahead: list[tuple[KernelRange, str | None]] = []  # not reached, with the fix's stream
    behind: list[KernelRange] = []  # passed, but the fix was made for another branch
    for entry in entries:
        if entry.introduced and _is_older(line, package, entry.introduced, on):
            if line == "mainline":
                reason = f"{label} is older than {entry.introduced}, which brought the bug"
                return "unknown", f"{reason}, unless stable took that change over", entry.fixed
            return "fixed", f"{label} is older than {entry.introduced}: the bug came later", None
        if not entry.fixed:
            continue
        held = stream(line, entry.fixed)
        if compare(line, package, entry.fixed) < 0:
            ahead.append((entry, held))
        elif held in (None, on):
            relation = "is" if package == entry.fixed else "is not older than"
            return "fixed", f"{label} {relation} {entry.fixed}, which has the fix", entry.fixed
        else:
            behind.append(entry)
    return _not_fixed(kernel, label, package, on, ahead, behind)


def _is_older(line: str, package: str, introduced: str, on: str | None) -> bool:
    """Whether a kernel is older than a bug; SUSE's and Amazon's branches count apart."""
    if line in ("sles", "amazon") and branch(line, introduced) != on:
        return False
    return compare(line, package, introduced) < 0


def _not_fixed(
    kernel: Kernel,
    label: str,
    package: str,
    on: str | None,
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
                _first(line, [e for e, held in ahead if held == on] or [entry]),
            )
    same = [e for e, held in ahead if held is not None and held == on]
    whole = [e for e, held in ahead if held is None]
    later = [e for e, held in ahead if held is not None and held != on]
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
        if stream("mainline", entry.fixed) in (None, kernel.series):
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
