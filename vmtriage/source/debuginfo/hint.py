"""Which package has a kernel's debuginfo, and the one command that gets it."""

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class PackageHint:
    """A package by its exact name, the command to type, and what else to know ("" if nothing)."""

    package: str
    command: str
    note: str = ""

    def __str__(self) -> str:
        package = "" if self.package in self.command else f"package {self.package}"
        more = "; ".join(filter(None, (package, self.note)))
        return f"{self.command}   ({more})" if more else self.command


@dataclass(frozen=True)
class _Row:
    """A release's form; its named groups and {release} fill in the texts."""

    form: str
    package: str
    command: str
    note: str = ""


_DNF = "dnf install --enablerepo='*debug*' {package}"
_DEB_ARCH = (
    r"(?:amd64|686|686-pae|arm64|arm64-16k|armmp|armmp-lpae|marvell|rpi|loong64"
    r"|mips64el|mips32r2el|octeon|5kc-malta|powerpc64le|ppc64el|s390x|riscv64)"
)
# its packages have the flavour before the version; not Ubuntu's 5.15.0-1051-azure
SUSE_RELEASE = (
    r"(?!\d+\.\d+\.0-\d+-)(?P<version>\d+\.\d+\.\d+-\d+(?:\.\d+)*)-(?P<flavour>default|azure"
    r"|rt|rt_debug|preempt|64kb|debug|kvmsmall|vanilla|pae|xen|trace|bigsmp|lpae|coco|coco_debug)"
)
_ROWS = (
    # they publish none, or not as a package that we could name
    _Row(r".*\.elrepo\..*|.*-pve|.*-0\d{5}-generic|.*-arch\d+-\d+", "", ""),
    _Row(
        r".*\.el(?P<major>\d+)uek\..*",
        "kernel-uek-debuginfo-{release}",
        "curl -O https://oss.oracle.com/ol{major}/debuginfo/{package}.rpm",
        "the .rpm beside the dump is enough",
    ),
    _Row(r"(?P<base>.*\.el\d+.*)\+(?P<flavour>rt-debug|64k-debug|debug|rt|64k)",
         "kernel-{flavour}-debuginfo-{base}", _DNF),
    _Row(r"(?P<base>.*\.el[67]\..*)\.debug", "kernel-debug-debuginfo-{base}",
         "debuginfo-install kernel-debug-{base}"),
    _Row(r".*\.rt\d+\..*\.el7\..*", "kernel-rt-debuginfo-{release}",
         "debuginfo-install kernel-rt-{release}"),
    _Row(r".*\.rt\d+\..*\.el\d+.*", "kernel-rt-debuginfo-{release}", _DNF),
    _Row(r".*\.el[67][._].*", "kernel-debuginfo-{release}", "debuginfo-install kernel-{release}"),
    _Row(r".*\.el\d+.*", "kernel-debuginfo-{release}", _DNF),
    _Row(r"(?P<base>.*\.fc\d+\..*)\+(?P<flavour>rt-debug|debug|rt|16k)",
         "kernel-{flavour}-debuginfo-{base}", _DNF),
    _Row(r".*\.fc\d+\..*", "kernel-debuginfo-{release}", _DNF),
    _Row(r".*\.amzn[12]\..*", "kernel-debuginfo-{release}", "debuginfo-install kernel-{release}"),
    _Row(r"6\.1\..*\.amzn2023\..*", "kernel-debuginfo-{release}",
         "dnf debuginfo-install kernel-{release}"),
    _Row(r"(?P<line>\d+\.\d+)\..*\.amzn20\d\d\..*", "kernel{line}-debuginfo-{release}",
         "dnf debuginfo-install kernel{line}-{release}"),
    _Row(r".*\.(?:oe\d+(?:sp\d)?|al[78]|an[78])\..*", "kernel-debuginfo-{release}", _DNF),
    _Row(rf".*-(?:cloud-|rt-)?{_DEB_ARCH}", "linux-image-{release}-dbg",
         "apt-get install {package}", "or apt-get download, and put the .deb beside the dump"),
    _Row(r"\d+\.\d+\.0-\d+-[a-z][a-z0-9-]*", "linux-image-{release}-dbgsym",
         "apt-get install {package}", "from ddebs.ubuntu.com, or by pull-lp-ddebs"),
    _Row(SUSE_RELEASE, "kernel-{flavour}-debuginfo-{version}.1",
         "zypper --plus-content debug install {package}",
         "the last number may differ; kernel-{flavour} of this version is needed, too"),
)  # fmt: skip


def hint(release: str | None) -> PackageHint | None:
    """The package of this release; None for a kernel of nobody we know."""
    for row in _ROWS:
        if release and (match := re.fullmatch(row.form, release)):
            told = {"release": release, **match.groupdict()}
            package = row.package.format(**told)
            command = row.command.format(package=package, **told)
            return PackageHint(package, command, row.note.format(**told)) if package else None
    return None


def package_hint(release: str | None) -> str:
    """How to get the debuginfo of this release, in the words of its distribution."""
    if not release:
        return "install the kernel's debuginfo package"
    found = hint(release)
    return str(found) if found else f"get the vmlinux with debuginfo that was built with {release}"
