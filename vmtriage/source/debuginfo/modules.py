"""Debuginfo of modules: where `mod -S` would find the .ko.debug files."""

from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

_TREES = (  # who puts it there
    "usr/lib/debug/lib/modules/{release}",  # Debian, Ubuntu, RHEL
    "usr/lib/debug/usr/lib/modules/{release}",  # Fedora, newer SLES
    "lib/modules/{release}",
    "{release}",
    "",
)
_LOOK_AT = 20_000  # files of one tree


def module_debuginfo(
    release: str | None, directories: Sequence[Path] = (), root: Path = Path("/")
) -> Path | None:
    """The directory with this release's module debuginfo (*.ko.debug), for `mod -S DIR`.

    The directories given come first, then the usual places. None: there is none.
    """
    if not release:
        return None
    for base in (*directories, root):
        for tree in _TREES:
            # a directory that does not name the release may hold anybody's modules
            if release not in tree.format(release=release) and release not in base.name:
                continue
            found = base / tree.format(release=release)
            if any(True for _ in _debug_files(found)):
                return found
    return None


def _debug_files(directory: Path) -> Iterator[Path]:
    files = islice(directory.rglob("*.ko*"), _LOOK_AT) if directory.is_dir() else iter(())
    yield from (path for path in files if path.name.endswith((".ko.debug", ".ko.debug.xz")))
