"""One file after the other: is it the vmlinux of this dump? Unpacked first, if it has to be."""

import io
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import IO

from vmtriage.errors import NoDebuginfo, NoInput
from vmtriage.models.dump import Debuginfo, DumpInfo
from vmtriage.source.debuginfo.elf import (
    COMPRESSED,
    PACKAGES,
    Elf,
    Kind,
    kind_of,
    kind_of_bytes,
    read_elf,
)
from vmtriage.source.debuginfo.pruning import FOLDER
from vmtriage.source.debuginfo.store import Store, name_of
from vmtriage.source.debuginfo.trail import Trail, Unusable

_ARCHIVE_FACTOR = 4  # a package holds the modules' debuginfo, too
Make = Callable[[Path, Store], None]


@dataclass(frozen=True)
class _Found:
    path: Path
    elf: Elf
    place: str
    found_by: str


class Candidates:
    """Tries files, and remembers what it thought of each."""

    def __init__(
        self, dump: DumpInfo, cache_dir: Path | None, max_bytes: int,
        progress: Callable[[str], None], allow_mismatch: bool,
    ) -> None:  # fmt: skip
        self.trail = Trail()
        self.cache_dir = cache_dir
        self._dump, self._max_bytes, self._progress = dump, max_bytes, progress
        self._allow_mismatch = allow_mismatch
        self._other: _Found | None = None  # whole, but of another build
        self._stripped: _Found | None = None
        self._debug: _Found | None = None

    @cached_property
    def store(self) -> Store:
        """Where files are unpacked. Unusable if there is no such place."""
        return Store.under(self.cache_dir, self._max_bytes)

    @property
    def half(self) -> bool:
        """Whether a vmlinux of this dump is known whose other half is missing."""
        return (self._stripped is None) != (self._debug is None)

    def try_file(self, path: Path, found_by: str) -> Debuginfo | None:
        """A vmlinux, a compressed one, or a package that has it."""
        try:
            kind = kind_of(path)
            if kind in COMPRESSED or kind in PACKAGES:
                plain = self._unpacked(path, kind)
            elif kind is Kind.BOOT_IMAGE:
                raise Unusable(f"{kind}: it boots, but has no debuginfo")
            else:
                plain = path
            return self._judged(plain, str(path), found_by)
        except (Unusable, NoInput) as error:
            reason = error.reason if isinstance(error, Unusable) else error.message
            self.trail.rejected(path, found_by, reason)
            return None

    def try_made(self, place: str, found_by: str, make: Make) -> Debuginfo | None:
        """What `make` writes to the file it is told: fetched, then treated as any other."""
        try:
            with self.store.workspace() as room:
                fetched = room / "fetched"
                make(fetched, self.store)
                kind = kind_of(fetched)
                if kind in COMPRESSED or kind in PACKAGES:
                    self._unpack(fetched, kind, room / "vmlinux")
                    fetched = room / "vmlinux"
                elf = self._read(fetched)
                if wrong := self._mismatch(elf.build_id):  # allowed or not: it was asked for by id
                    raise Unusable(wrong)
                return self._judged(self.store.keep(fetched, elf), place, found_by)
        except (Unusable, NoInput) as error:
            reason = error.reason if isinstance(error, Unusable) else error.message
            self.trail.rejected(place, found_by, reason)
            return None

    def of_another_build(self) -> Debuginfo | None:
        """Where it is allowed: the first one that is of the wrong build and else whole."""
        if self._other is None or not self._allow_mismatch:
            return None
        self.trail.used(self._other.place, self._other.found_by, "--allow-mismatch")
        return self._as_debuginfo(self._other, None, matches=False)

    def _judged(self, path: Path, place: str, found_by: str) -> Debuginfo | None:
        found = _Found(path, self._read(path), place, found_by)
        wrong = self._mismatch(found.elf.build_id)
        if wrong is not None:
            whole = found.elf.has_debuginfo and found.elf.has_code
            self._other = self._other or (found if whole else None)
            raise Unusable(wrong)
        if not found.elf.has_code:
            self._debug = self._debug or found
        elif not found.elf.has_debuginfo:
            self._stripped = self._stripped or found
        else:
            return self._used(found, None)
        one, other = self._stripped, self._debug
        if one and other and one.elf.build_id == other.elf.build_id:
            return self._used(one, other)
        raise Unusable(
            "no debuginfo is in it, and its .debug file was not seen yet"
            if found.elf.has_code
            else "only debuginfo is in it, and the vmlinux it belongs to was not seen yet"
        )

    def _read(self, path: Path) -> Elf:
        try:
            elf = read_elf(path)
        except NoDebuginfo as error:
            raise Unusable("not a vmlinux: " + error.message.partition(": ")[2]) from error
        if elf.cut:
            raise Unusable("cut short: not all of its sections are there")
        return elf

    def _mismatch(self, build_id: str | None) -> str | None:
        wanted = self._dump.build_id
        if None in (build_id, wanted) or build_id == wanted:
            return None
        return f"it has build-id {build_id}, the dump needs {wanted}"

    def _used(self, found: _Found, debug: _Found | None) -> Debuginfo:
        note = f"with the debuginfo of {debug.place}" if debug else ""
        self.trail.used(found.place, found.found_by, note)
        store = Store(self.cache_dir / FOLDER) if self.cache_dir else None
        for each in (found, debug):
            if store is not None and each is not None:
                store.used(each.path)
        matches = None if None in (found.elf.build_id, self._dump.build_id) else True
        return self._as_debuginfo(found, debug, matches)

    def _as_debuginfo(self, found: _Found, debug: _Found | None, matches: bool | None) -> Debuginfo:
        return Debuginfo(
            path=str(found.path),
            debug_path=str(debug.path) if debug else None,
            build_id=found.elf.build_id,
            build_id_matches=matches,
            found_by=found.found_by,
            looked=self.trail.looked,
        )

    def _unpacked(self, path: Path, kind: Kind) -> Path:
        """Where the unpacked vmlinux is; from the cache if it was unpacked before."""
        known = self.store.of_source(path)
        if known is not None:
            if known.is_file():
                return known
            named = known.name.removeprefix("vmlinux-").partition(".")[0]
            wrong = None if named.startswith("of-") else self._mismatch(named)
            if wrong is not None and not self._allow_mismatch:
                raise Unusable(wrong)
        self._progress(f"unpacking {path.name}")
        with self.store.workspace() as room:
            self._unpack(path, kind, room / "vmlinux")
            elf = self._read(room / "vmlinux")
            wrong = self._mismatch(elf.build_id)
            if wrong is not None and not self._allow_mismatch:
                self.store.remember(name_of(elf, path), path)
                raise Unusable(wrong)
            return self.store.keep(room / "vmlinux", elf, path)

    def _unpack(self, path: Path, kind: Kind, target: Path) -> None:
        """The vmlinux of a compressed file or a package, also one compressed in a package."""
        from vmtriage.source.debuginfo.archive import vmlinux_in
        from vmtriage.source.debuginfo.streams import damage_told, inflate

        # without a build-id to prove it, a package's other kernels are told by their path alone
        release = self._dump.release if self._dump.build_id is None else None
        with ExitStack() as stack, damage_told():
            stream: IO[bytes] = stack.enter_context(path.open("rb"))
            size = None
            if kind in PACKAGES:
                limit = self.store.max_bytes * _ARCHIVE_FACTOR
                member = stack.enter_context(vmlinux_in(stream, kind, limit, release))
                stream = io.BufferedReader(member.stream)  # type: ignore[type-var]
                kind, size = kind_of_bytes(stream.peek(1024)[:1024]), member.size
            if kind in COMPRESSED:
                stream, size = inflate(stream, kind), None
            self.store.write(stream, target, size)
