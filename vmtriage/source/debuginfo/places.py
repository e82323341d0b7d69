"""Where a vmlinux may lie: names and directories, none of them opened here."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from vmtriage.models.dump import DumpInfo
from vmtriage.source.debuginfo.hint import SUSE_RELEASE

SUFFIXES = ("", ".xz", ".gz", ".zst", ".bz2")
_USUAL = (  # who puts it there
    "usr/lib/debug/boot/vmlinux-{release}",  # Debian, Ubuntu
    "usr/lib/debug/lib/modules/{release}/vmlinux",  # RHEL, Fedora
    "usr/lib/debug/usr/lib/modules/{release}/vmlinux",  # newer Fedora
    "usr/lib/debug/lib/modules/{release}/vmlinux.debug",
    "usr/lib/debug/boot/vmlinux-{release}.debug",  # SLES: the debuginfo of /boot/vmlinux
    "usr/lib/debug/usr/lib/modules/{release}/vmlinux.debug",  # newer SLES
    "lib/modules/{release}/build/vmlinux",  # self-built
    "lib/modules/{release}/vmlinux",  # newer SLES
    "usr/lib/modules/{release}/vmlinux",
    "boot/vmlinux-{release}",  # SLES
)
_BESIDE = ("vmlinux-{release}", "vmlinux-{release}.debug", "vmlinux", "vmlinux.debug")
_BY_BUILD_ID = "usr/lib/debug/.build-id/{head}/{tail}.debug"
_PACKAGES = ("*.rpm", "*.deb", "*.ddeb")
_FLAVOUR = re.compile(r"\+(?:debug|rt|64k|rt-debug|64k-debug)$|\.debug$")
_MAX_LISTED = 10_000  # names of one directory: a share may hold a mirror


@dataclass(frozen=True)
class Place:
    """A path without the suffix of a compression, and why to look there."""

    path: Path
    found_by: str

    def files(self) -> list[Path]:
        """What is really there: the plain file first, then a compressed one."""
        named = [self.path.with_name(self.path.name + suffix) for suffix in SUFFIXES]
        return [path for path in named if path.is_file()]


def in_directory(directory: Path, found_by: str, dump: DumpInfo) -> Iterator[Place]:
    """A directory of vmlinux files, or a tree like / that has them in the usual places."""
    yield from _named(directory, found_by, dump, _BESIDE)
    yield from _named(directory, found_by, dump, _USUAL)
    yield from _linked(directory, found_by, dump)


def everywhere(dump: DumpInfo, directories: Sequence[Path], root: Path) -> Iterator[Place]:
    """All places on disk, the nearest first."""
    yield from _named(Path(dump.path).parent, "beside the dump", dump, _BESIDE)
    for directory in directories:
        yield from in_directory(directory, "--debuginfo-dir", dump)
    yield from usual(dump, root)
    yield from _linked(root, "build-id", dump)


def usual(dump: DumpInfo, root: Path) -> Iterator[Place]:
    """Where the distributions put it."""
    yield from _named(root, "the usual place", dump, _USUAL)


def packages(directory: Path, release: str | None) -> list[Path]:
    """Debuginfo packages of this very kernel in a directory; told by name, as there are many."""
    if not release:
        return []
    wanted = _names_of(release)
    found: list[Path] = []
    for pattern in _PACKAGES:
        listed = islice(directory.glob(pattern), _MAX_LISTED)
        found += (path for path in listed if wanted.search(path.name) and path.is_file())
    return sorted(found)


def _names_of(release: str) -> re.Pattern[str]:
    """What the packages of a release are called: some put the flavour before the version."""
    if suse := re.fullmatch(SUSE_RELEASE, release):  # code and debuginfo are two packages
        version, flavour = re.escape(suse[1]), suse[2]
        return re.compile(rf"^kernel-{flavour}-(?:debuginfo-)?{version}\.")
    bare = re.escape(_FLAVOUR.sub("", release))
    return re.compile(rf"-debuginfo-{bare}\.rpm$|{bare}-dbg(?:sym)?[_-]")


def _named(
    directory: Path, found_by: str, dump: DumpInfo, patterns: Sequence[str]
) -> Iterator[Place]:
    for pattern in patterns:
        if dump.release or "{" not in pattern:
            yield Place(directory / pattern.format(release=dump.release), found_by)


def _linked(root: Path, found_by: str, dump: DumpInfo) -> Iterator[Place]:
    if dump.build_id:
        name = _BY_BUILD_ID.format(head=dump.build_id[:2], tail=dump.build_id[2:])
        yield Place(root / name, found_by)
