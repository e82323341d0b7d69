"""Namelists kept for the next dump of the same kernel: made once, used by all.

One file each: the ELF file, and behind it a line that says what it is and its checksum, so that
it is there whole or not at all. Whatever is wrong with one, it is made anew.
"""

import contextlib
import fcntl
import hashlib
import os
import re
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from pydantic import ValidationError

from vmtriage.models.base import Model
from vmtriage.namelist.adaptations import Adaptation
from vmtriage.namelist.build import ALGORITHM
from vmtriage.source.surplus import by_last_use, surplus, used_now

DEFAULT_LIMIT = 2 << 30  # bytes on disk
_MARK = b"\nvmtriage-namelist "
_LAST_BYTES = 4096
_BLOCK = 1 << 16
_BUILD_ID = re.compile(r"[0-9a-f]{8,128}")
_SUFFIX = ".namelist"


class Card(Model):
    """What is known of a cached namelist."""

    build_id: str
    release: str | None = None
    made_from: str  # vmlinux, vmlinuz or vmcore
    adapted: tuple[str, ...] = ()  # names of adaptations this kernel needed
    modules: int = 0  # so many modules' types are in it, and only one dump's set of them
    left_out: str = ""  # whose types are not, and why
    seconds: float  # it took to make
    size: int = 0  # bytes of it, without this card
    sha256: str = ""  # of those that are not zero, each block with its place


class Kept(Model):
    """One file of the cache. `bytes` on disk."""

    path: str
    bytes: int
    last_used: float  # seconds since 1970
    card: Card | None  # None: damaged


class NamelistCache:
    """The namelists under a cache directory; the directory is made when first needed."""

    def __init__(self, directory: Path, limit: int = DEFAULT_LIMIT) -> None:
        self._directory, self._limit = directory / "namelists", limit

    def path(
        self,
        build_id: str,
        adaptations: Sequence[Adaptation],
        modules: Mapping[str, bytes] | None = None,
    ) -> Path | None:
        """Where this one lies or would lie; None where the build-id is none.

        modules: split BTF by module: two dumps of one kernel may have others in them.
        """
        if not _BUILD_ID.fullmatch(build_id):
            return None
        names = "".join(f"+{each.name}" for each in adaptations)
        if modules:
            names += f"+modules-{_digest(modules)}"
        return self._directory / f"{build_id}-{ALGORITHM}{names}{_SUFFIX}"

    def find(self, path: Path) -> Card | None:
        """What it is, and its time of use set to now; None: not there, damaged or another's."""
        card = _checked(path)
        if card is not None:
            used_now(path)
        return card

    def make(self, path: Path, write: Callable[[Path], Card], good: Callable[[Card], bool]) -> Card:
        """The card of what `write` wrote, or of what another process wrote meanwhile, if `good`.

        OSError where the directory cannot be written.
        """
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        with self._alone():
            if (found := self.find(path)) is not None and good(found):
                return found
            part = self._directory / f".{secrets.token_hex(8)}.part"
            try:
                card = sign(part, write(part))
                part.replace(path)
            finally:
                part.unlink(missing_ok=True)
            self.prune(self._limit, spare=path)
        return card

    def kept(self) -> list[Kept]:
        """All, the last used first."""
        found = []
        for each in by_last_use(self._directory.glob(f"*{_SUFFIX}")):
            with contextlib.suppress(OSError):
                found.append(Kept(path=str(each.path), bytes=each.bytes, last_used=each.last_used,
                                  card=_card(each.path)))  # fmt: skip
        return found

    def prune(self, limit: int, spare: Path | None = None) -> list[Kept]:
        """Removes damaged ones, then those not used for longest, until `limit` bytes are left."""
        removed = []
        for each in surplus(
            self.kept(), limit, lambda kept: kept.path == str(spare), lambda kept: kept.card is None
        ):
            with contextlib.suppress(OSError):
                Path(each.path).unlink()
                removed.append(each)
        return removed

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """One builder at a time. Where locks do not work, each builds its own: nothing is torn."""
        with (self._directory / "lock").open("w") as lock:
            with contextlib.suppress(OSError):
                fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def _digest(modules: Mapping[str, bytes]) -> str:
    told = hashlib.sha256()
    for name, raw in sorted(modules.items()):
        told.update(f"{name}\0{len(raw)}\0".encode())
        told.update(raw)
    return told.hexdigest()[:16]


def sign(path: Path, card: Card) -> Card:
    """Appends what a namelist is, and a checksum of all before."""
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        signed = card.model_copy(update={"size": size, "sha256": _checksum(file.fileno(), size)})
    with path.open("ab") as file:
        file.write(_MARK + signed.model_dump_json().encode() + b"\n")
    return signed


def _checksum(file: int, size: int) -> str:
    """Of what is not zero: most of it is the hole that stands for the kernel's text."""
    told, at, zeros = hashlib.sha256(), 0, bytes(_BLOCK)
    while at < size:
        with contextlib.suppress(OSError):  # not every file system knows of holes
            at = max(at, min(os.lseek(file, at, os.SEEK_DATA), size - 1) // _BLOCK * _BLOCK)
        block = os.pread(file, min(_BLOCK, size - at), at)
        if not block:
            break
        if block != zeros[: len(block)]:
            told.update(at.to_bytes(8, "little"))
            told.update(block)
        at += len(block)
    return told.hexdigest()


def _card(path: Path) -> Card | None:
    with path.open("rb") as file:
        end = file.seek(0, os.SEEK_END)
        file.seek(max(0, end - _LAST_BYTES))
        _, mark, told = file.read().rpartition(_MARK)
    try:
        card = Card.model_validate_json(told) if mark else None
    except ValidationError:
        return None
    return card if card and card.size + len(_MARK) + len(told) == end else None


def _checked(path: Path) -> Card | None:
    try:
        if path.stat().st_uid != os.geteuid():
            return None
        card = _card(path)
        if card is None:
            return None
        with path.open("rb") as file:
            return card if _checksum(file.fileno(), card.size) == card.sha256 else None
    except OSError:
        return None
