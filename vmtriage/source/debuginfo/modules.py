"""Debuginfo of modules: the .ko.debug files of one kernel release, proved by build-id."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from vmtriage.errors import NoDebuginfo, NoInput
from vmtriage.source.debuginfo.elf import read_elf

_TREES = (  # who puts it there
    "usr/lib/debug/lib/modules/{release}",  # Debian, Ubuntu, RHEL
    "usr/lib/debug/usr/lib/modules/{release}",  # Fedora, newer SLES
    "lib/modules/{release}",  # self-built
)
_IN_GIVEN = ("{release}", "")
_RELEASE = re.compile(r"\d+\.\d+[\w.+~-]*")  # the dump says it: it must not name just any directory
_BY_BUILD_ID = "usr/lib/debug/.build-id/{head}/{tail}.debug"
_ENDS = (".ko.debug", ".ko")
_LOOK_AT = 20_000  # files of one tree


@dataclass(frozen=True)
class ModuleFile:
    """A file that `mod -s` can load. proved: its build-id is the module's; None: nobody can say."""

    path: Path
    build_id: str | None
    proved: bool | None


@dataclass(frozen=True)
class ModuleFiles:
    """Where the modules' debuginfo of one release may lie. `trees` are directories that are there.

    A directory that does not name the release is not one of them: it may hold anybody's modules.
    """

    trees: tuple[Path, ...] = ()
    roots: tuple[Path, ...] = ()  # each with its own .build-id

    @classmethod
    def of(
        cls, release: str | None, directories: Sequence[Path] = (), root: Path = Path("/")
    ) -> "ModuleFiles":
        """The directories given come first, then the usual places."""
        if not release or not _RELEASE.fullmatch(release):
            return cls()
        given, bases = len(directories), tuple(each.resolve() for each in (*directories, root))
        every = (
            base / tree.format(release=release)
            for number, base in enumerate(bases)
            for tree in (*_TREES, *(_IN_GIVEN if number < given else ()))
            if tree or release in base.name
        )
        there = (tree.resolve() for tree in every if tree.is_dir())
        return cls(tuple(dict.fromkeys(there)), bases)

    def find(self, name: str, build_id: str | None) -> ModuleFile | None:
        """The first file of this module that has debuginfo and is not of another build."""
        for path in self._named(name, build_id):
            try:
                elf = read_elf(path)
            except (NoDebuginfo, NoInput):
                continue
            if not elf.has_debuginfo or elf.cut:
                continue
            if None in (build_id, elf.build_id) or build_id == elf.build_id:
                proved = None if build_id is None or elf.build_id is None else True
                return ModuleFile(path, elf.build_id, proved)
        return None

    def _named(self, name: str, build_id: str | None) -> Iterator[Path]:
        for root in self.roots if build_id else ():
            linked = root / _BY_BUILD_ID.format(
                head=(build_id or "")[:2], tail=(build_id or "")[2:]
            )
            if linked.is_file():
                yield linked.resolve()
        wanted = name.replace("-", "_")  # the kernel has one, the file's name either
        for tree in self.trees:
            yield from (path for path in _files(tree) if _module_of(path) == wanted)


def _files(tree: Path) -> Iterator[Path]:
    """A .ko.debug before a .ko: that one is often the stripped one."""
    found = [path for path in islice(tree.rglob("*.ko*"), _LOOK_AT) if path.name.endswith(_ENDS)]
    return iter(sorted(found, key=lambda path: (path.name.endswith(".ko"), path)))


def _module_of(path: Path) -> str:
    return path.name.partition(".ko")[0].replace("-", "_")
