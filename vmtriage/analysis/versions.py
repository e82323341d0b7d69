"""Which kernel this is, and whether a known bug is in it.

Two kernels are compared only within one line (el7 with el7, Debian with Debian), in the order
of that line's packages. Against mainline a distribution's kernel is judged in the safe direction
only: as new as the fix means fixed, older means nothing, for distributions backport.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from vmtriage.models.signature import KernelRange, KernelVerdict

_ARCH = re.compile(
    r"[.-](x86_64|amd64|i[3-6]86|aarch64|arm64|armv7hl|ppc64le|ppc64|s390x|riscv64|loongarch64)"
    r"(?:[+.]debug|[+]rt)?$"
)
_UPSTREAM = re.compile(r"v?(\d+)\.(\d+)(?:\.(\d+))?(?:[.-]?rc(\d+))?")

# The first row that fits wins. el lines name their base version: elrepo's kernels do not have it.
_LINES: tuple[tuple[str, re.Pattern[str], str], ...] = (
    ("uek", re.compile(r"\.el\d+uek|uek"), "Oracle Linux, Unbreakable Enterprise Kernel"),
    ("el6", re.compile(r"^2\.6\.32-[\w.]+\.el6"), "CentOS/RHEL 6"),
    ("el7", re.compile(r"^3\.10\.0-[\w.]+\.el7(?!a)"), "CentOS/RHEL 7"),
    ("vz7", re.compile(r"^3\.10\.0-[\w.]+\.(?:vz7|ovz7)"), "Virtuozzo 7"),
    ("el7a", re.compile(r"^4\.14\.0-[\w.]+\.el7a"), "RHEL 7 (kernel-alt)"),
    ("el8", re.compile(r"^4\.18\.0-[\w.]+\.el8"), "RHEL 8 family"),
    ("el9", re.compile(r"^5\.14\.0-[\w.]+\.el9"), "RHEL 9 family"),
    ("el10", re.compile(r"^6\.12\.0-[\w.]+\.el10"), "RHEL 10 family"),
    ("amazon", re.compile(r"\.amzn\d+"), "Amazon Linux"),
    ("fedora", re.compile(r"\.fc\d+"), "Fedora"),
    ("azurelinux", re.compile(r"\.(?:azl3|cm2)$"), "Azure Linux"),
    ("proxmox", re.compile(r"-pve$"), "Proxmox VE"),
    ("sles", re.compile(r"^[\d.]+-[\d.]+-(?:default|preempt|azure|rt|xen|pae)$"), "SUSE"),
    (
        "ubuntu",
        re.compile(
            r"^\d+\.\d+\.\d+-\d+-(?:generic|lowlatency|virtual|server|aws|azure|gcp|gke\w*|gkeop"
            r"|oracle|kvm|ibm|raspi\w*|nvidia\w*|oem)"
        ),
        "Ubuntu",
    ),
    ("debian", re.compile(r"(?:-|\+deb\d+-)(?:[\w-]*-)?(?:amd64|686(?:-pae)?|arm64)$"), "Debian"),
    ("arch", re.compile(r"[.-]arch\d+|-\d+-(?:lts|zen|hardened)$"), "Arch Linux"),
    ("mainline", re.compile(r"^\d+\.\d+(?:\.\d+)?(?:-rc\d+)?$"), "mainline"),
)
_NAMES = {line: name for line, _, name in _LINES} | {
    "other": "a kernel of unknown make",
    "unknown": "an unknown kernel",
}
_DEBIAN = {"3.2": 7, "3.16": 8, "4.9": 9, "4.19": 10, "5.10": 11, "6.1": 12, "6.12": 13}
# Red Hat backports so much that its base version says nothing about one fix.
_RED_HAT = frozenset({"el6", "el7", "el7a", "el8", "el9", "el10", "vz7"})
_DEB_ORDER = frozenset({"debian", "ubuntu", "proxmox"})


@dataclass(frozen=True, slots=True)
class Kernel:
    """A kernel by its release and version strings. `package` is what its line compares."""

    release: str
    line: str  # el6 .. el10, uek, debian, ubuntu, sles, amazon, mainline, other ...
    upstream: tuple[int, int, int] | None  # what the package is based on
    rc: int | None
    package: str | None  # 3.10.0-327.28.3.el7; Debian: 3.16.39-1, never the ABI name
    arch: str | None
    name: str  # "CentOS/RHEL 7", "Debian 8"

    @property
    def series(self) -> str | None:
        """The upstream series, "3.16"."""
        return f"{self.upstream[0]}.{self.upstream[1]}" if self.upstream else None

    @property
    def distro(self) -> str | None:
        """The name, or None where nobody can tell who made the kernel."""
        return None if self.line in ("other", "unknown") else self.name


def parse_kernel(release: str | None, version: str | None = None) -> Kernel:
    """Read RELEASE (uname -r) and VERSION (uname -v). Never fails; `line` may be "unknown"."""
    release, version = (release or "").strip(), version or ""
    arch = _ARCH.search(release)
    line = _line(release, version)
    bare = _ARCH.sub("", release) if line not in _DEB_ORDER else release
    package = _package(line, bare, version)
    number = _UPSTREAM.match(package if line == "debian" and package else bare)
    return Kernel(
        release=release,
        line=line,
        upstream=_triple(number) if number else None,
        rc=int(number[4]) if number and number[4] else None,
        package=package,
        arch=arch[1] if arch else None,
        name=_name(line, release, package, number),
    )


def _triple(number: re.Match[str]) -> tuple[int, int, int]:
    return int(number[1]), int(number[2]), int(number[3] or 0)


def _line(release: str, version: str) -> str:
    if not _UPSTREAM.match(release):
        return "unknown"
    found = next((line for line, pattern, _ in _LINES if pattern.search(release)), "other")
    if found in ("proxmox", "uek"):  # they keep the words of the kernel they were made from
        return found
    if " Debian " in f" {version} ":
        return "debian"
    return "ubuntu" if "-Ubuntu" in version else found


def _package(line: str, bare: str, version: str) -> str | None:
    if line == "debian":
        found = re.search(r"\bDebian (\d\S*)", version)
        if found:
            return found[1]
        # since 6.12 the release itself carries the upstream version: 6.12.9+deb13-amd64
        plain = re.match(r"(\d+\.\d+\.[1-9]\d*)\+deb\d+-", bare)
        return plain[1] if plain else None
    if line == "ubuntu":
        abi = re.match(r"\d+\.\d+\.\d+-\d+", bare)
        upload = re.search(r"#(\d+(?:~[\w.]+)?)(?:\+[\w.]+)?-Ubuntu", version)
        return f"{abi[0]}.{upload[1]}" if abi and upload else abi[0] if abi else None
    if line == "sles":
        return bare.rpartition("-")[0]
    return bare if line not in ("other", "unknown") else None


def _name(line: str, release: str, package: str | None, number: re.Match[str] | None) -> str:
    name = _NAMES[line]
    if line == "debian":
        told = re.search(r"~bpo(\d+)", package or "") or re.search(r"\+deb(\d+)", release)
        series = f"{number[1]}.{number[2]}" if number else ""
        major = told[1] if told else _DEBIAN.get(series, "")
        return f"{name} {major}".strip()
    if line == "amazon" and (told := re.search(r"\.amzn(\d+)", release)):
        return f"{name} {told[1]}" if told[1] != "1" else name
    return name


def compare(line: str, left: str, right: str) -> int:
    """-1, 0 or 1: the order of two package versions of one line, as rpm or dpkg sees them."""
    if left == right:
        return 0
    # late, for univers takes 10 to 30 ms to import
    if line in ("mainline", "arch", "other"):
        a, b = _mainline_key(left), _mainline_key(right)
        return (a > b) - (a < b)
    if line in _DEB_ORDER:
        from univers.debian import Version

        parse: Callable[[str], Any] = Version.from_string
        first, second = parse(left), parse(right)
        return int(first > second) - int(first < second)
    from univers.rpm import compare_rpm_versions

    return int(compare_rpm_versions(left, right))


def _mainline_key(version: str) -> tuple[int, int, int, int]:
    number = _UPSTREAM.match(version)
    if not number:
        return (0, 0, 0, 0)
    return (*_triple(number), int(number[4]) if number[4] else 1_000_000)  # rc before release


def _stream(line: str, version: str) -> str | None:
    """The branch a version belongs to if its fix holds for that branch only, else None.

    RHEL's 3.10.0-327.44.2 was made for 327.x; stable's 5.10.80 and Debian's 5.10.84-1 for 5.10.
    """
    if line in _RED_HAT:
        found = re.match(r"[\d.]+-(\d+)(?:\.\d+)+\.\D", version)
        return found[1] if found else None
    number = _UPSTREAM.match(version)
    if not number or number[3] is None or number[4]:
        return None
    # 5.10.0 alone is the start of a series; with a package revision it is a package of it
    return f"{number[1]}.{number[2]}" if int(number[3]) or "-" in version else None


def _branch(line: str, version: str) -> str | None:
    """The branch a kernel of this version is on."""
    if line in _RED_HAT:
        found = re.match(r"[\d.]+-(\d+)", version)
        return found[1] if found else None
    number = _UPSTREAM.match(version)
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
        entry.line == "mainline" and kernel.line not in _RED_HAT and kernel.line != "uek"
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
                " in between was the first with the fix",
                _first(line, [e for e, stream in ahead if stream == branch] or [entry]),
            )
    same = [e for e, stream in ahead if stream is not None and stream == branch]
    whole = [e for e, stream in ahead if stream is None]
    later = [e for e, stream in ahead if stream is not None and stream != branch]
    nearest = _first(line, same or [*whole, *later])
    if nearest and (same or _older_is_affected(kernel, bool(whole), bool(later))):
        return "affected", f"{label} is older than {nearest}, the first with the fix", nearest
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
    if kernel.line in _RED_HAT:
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
    if kernel.line in _RED_HAT:
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
