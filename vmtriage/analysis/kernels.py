"""Which kernel this is: its line (el7, Debian, mainline ...), what it is based on, its package."""

import re
from dataclasses import dataclass

from vmtriage.analysis.suse import service_pack

_ARCH = re.compile(
    r"[.-](x86_64|amd64|i[3-6]86|aarch64|arm64|armv7hl|ppc64le|ppc64|s390x|riscv64|loongarch64)"
    r"(?:[+.]debug|[+]rt)?$"
)
UPSTREAM = re.compile(r"v?(\d+)\.(\d+)(?:\.(\d+))?(?:[.-]?rc(\d+))?")

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
    (
        "ubuntu",
        re.compile(
            r"^\d+\.\d+\.\d+-\d+-(?:generic|lowlatency|virtual|server|aws|azure|gcp|gke\w*|gkeop"
            r"|oracle|kvm|ibm|raspi\w*|nvidia\w*|oem|ec2|fips|realtime|intel|bluefield|xilinx)"
        ),
        "Ubuntu",
    ),
    ("sles", re.compile(r"^[\d.]+-[\d.]+-(?:default|preempt|azure|rt|xen|pae)$"), "SUSE"),
    (
        "debian",
        re.compile(
            r"(?:-|\+deb\d+-)(?:[\w-]*-)?"
            r"(?:amd64|686(?:-pae)?|arm64|armmp(?:-lpae)?|powerpc64le|s390x|riscv64)$"
        ),
        "Debian",
    ),
    ("arch", re.compile(r"[.-]arch\d+|-\d+-(?:lts|zen|hardened)$"), "Arch Linux"),
    ("mainline", re.compile(r"^\d+\.\d+(?:\.\d+)?(?:-rc\d+)?$"), "mainline"),
)
_NAMES = {line: name for line, _, name in _LINES} | {
    "other": "a kernel of unknown make",
    "unknown": "an unknown kernel",
}
_DEBIAN = {"3.2": 7, "3.16": 8, "4.9": 9, "4.19": 10, "5.10": 11, "6.1": 12, "6.12": 13}
# Red Hat backports so much that its base version says nothing about one fix.
RED_HAT = frozenset({"el6", "el7", "el7a", "el8", "el9", "el10", "vz7"})
DEB_ORDER = frozenset({"debian", "ubuntu", "proxmox"})
# Ubuntu numbers the kernels of its clouds and boards apart: 5.15.0-1031-aws is older than it looks.
_UBUNTU_OWN = re.compile(r"^\d+\.\d+\.\d+-\d+-(?!generic|lowlatency|virtual|server)([a-z]+)")


LINES = frozenset(line for line, _, _ in _LINES)  # what a signature may write; and ubuntu-FLAVOUR


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
    bare = release if line.partition("-")[0] in DEB_ORDER else _ARCH.sub("", release)
    package = _package(line, bare, version)
    number = UPSTREAM.match(package if line == "debian" and package else bare)
    return Kernel(
        release=release,
        line=line,
        upstream=triple(number) if number else None,
        rc=int(number[4]) if number and number[4] else None,
        package=package,
        arch=arch[1] if arch else None,
        name=_name(line, release, package, number),
    )


def triple(number: re.Match[str]) -> tuple[int, int, int]:
    """Major, minor and patch of a match of UPSTREAM."""
    return int(number[1]), int(number[2]), int(number[3] or 0)


def _line(release: str, version: str) -> str:
    if not UPSTREAM.match(release):
        return "unknown"
    found = next((line for line, pattern, _ in _LINES if pattern.search(release)), "other")
    if found == "ubuntu" or (found != "proxmox" and "-Ubuntu" in version):
        own = _UBUNTU_OWN.match(release)
        return f"ubuntu-{own[1]}" if own else "ubuntu"
    if found in ("proxmox", "uek"):  # they keep the words of the kernel they were made from
        return found
    return "debian" if " Debian " in f" {version} " else found


def _package(line: str, bare: str, version: str) -> str | None:
    if line == "debian":
        found = re.search(r"\bDebian (\d\S*)", version)
        if found:
            return found[1]
        # since 6.12 the release itself carries the upstream version: 6.12.9+deb13-amd64
        plain = re.match(r"(\d+\.\d+\.[1-9]\d*)\+deb\d+-", bare)
        return plain[1] if plain else None
    if line.startswith("ubuntu"):
        abi = re.match(r"\d+\.\d+\.\d+-\d+", bare)
        upload = re.search(r"#(\d+(?:~[\w.]+)?)(?:\+[\w.]+)?-Ubuntu", version)
        return f"{abi[0]}.{upload[1]}" if abi and upload else abi[0] if abi else None
    if line == "sles":
        return bare.rpartition("-")[0]
    return bare if line not in ("other", "unknown") else None


def _name(line: str, release: str, package: str | None, number: re.Match[str] | None) -> str:
    distribution, _, flavour = line.partition("-")
    name = _NAMES[distribution]
    if flavour:
        return f"{name} ({flavour})"
    if line == "sles" and (pack := service_pack(package or "")):
        return f"{name} {pack}"
    if line == "debian":
        told = re.search(r"~bpo(\d+)", package or "") or re.search(r"\+deb(\d+)", release)
        series = f"{number[1]}.{number[2]}" if number else ""
        major = told[1] if told else _DEBIAN.get(series, "")
        return f"{name} {major}".strip()
    if line == "amazon" and (told := re.search(r"\.amzn(\d+)", release)):
        return f"{name} {told[1]}" if told[1] != "1" else name
    return name
