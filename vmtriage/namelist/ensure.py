"""One call: the namelist for this dump and this crash, from the cache or made now."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from vmtriage.errors import CannotWrite, NoDebuginfo, SessionError
from vmtriage.namelist.adaptations import ADAPTATIONS, Adaptation, needed_by, usable_with
from vmtriage.namelist.build import build
from vmtriage.namelist.cache import DEFAULT_LIMIT, Card, NamelistCache, sign
from vmtriage.namelist.ingredients import Ingredients
from vmtriage.source.btf import BadBtf


@dataclass(frozen=True, slots=True)
class Namelist:
    """A file for crash's command line.

    made_from: vmlinux, vmlinuz or vmcore; cached: it was there already; seconds: until it was had.
    """

    path: Path
    build_id: str | None
    made_from: str
    adapted: tuple[Adaptation, ...]
    cached: bool
    seconds: float
    modules: int = 0  # so many modules' types are in it
    left_out: str = ""  # whose are not, and why


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to make it of (vmlinux or vmlinuz before the dump), and for which crash."""

    vmlinux: Path | None = None
    dump: Path | None = None
    more: tuple[Path, ...] = ()  # the other parts of a split dump
    build_id: str | None = None  # of the dump; None: nothing is taken from a cache, or kept
    crash_version: str | None = None
    modules: bool = False  # the types of the dump's modules, too; analyze asks for none


def ensure(
    wanted: Wanted, scratch: Path, cache_dir: Path | None = None, limit: int = DEFAULT_LIMIT
) -> Namelist:
    """Made in the cache, or in the directory `scratch` where there is none or it is not writable.

    NoDebuginfo where neither file carries enough, or the vmlinux is of another build; BadDump,
    NoInput as the readers; CannotWrite where there is no room; SessionError for a crash before 8.
    """
    began = time.monotonic()
    if not usable_with(wanted.crash_version):
        raise SessionError(
            f"crash {wanted.crash_version} misreads slim namelists",
            next_step="use crash 8.0 or newer, or the vmlinux of the debuginfo package",
        )
    adaptations = needed_by(wanted.crash_version)
    cache = NamelistCache(cache_dir, limit) if cache_dir else None
    # another dump of this kernel may have other modules: they have to be read to find a kept one
    gathered = _gathered(wanted) if wanted.modules else None
    told = gathered.ingredients.module_btfs if gathered else None
    kept = cache.path(wanted.build_id, adaptations, told) if cache and wanted.build_id else None

    def write(path: Path) -> Card:
        return _made(wanted, gathered or _gathered(wanted), path, adaptations)

    def good(card: Card) -> bool:  # a vmlinux knows where each symbol ends, a dump does not
        return wanted.vmlinux is None or card.made_from != "vmcore"

    if cache is not None and kept is not None:
        card = cache.find(kept)
        if card is not None and good(card):
            return _namelist(kept, card, True, began)
        try:
            return _namelist(kept, cache.make(kept, write, good), False, began)
        except OSError:
            pass  # another's directory, or no room there
    path = scratch / "slim.namelist"
    try:
        return _namelist(path, sign(path, write(path)), False, began)
    except OSError as error:
        raise CannotWrite(
            f"cannot write {path}: {error.strerror}", next_step="make room, or set TMPDIR"
        ) from error


def make(wanted: Wanted, path: Path, adaptations: tuple[Adaptation, ...] = ()) -> Card:
    """Writes a namelist to `path`, which is overwritten."""
    return _made(wanted, _gathered(wanted), path, adaptations)


def _made(
    wanted: Wanted, gathered: "Gathered", path: Path, adaptations: tuple[Adaptation, ...]
) -> Card:
    ingredients = gathered.ingredients
    if wanted.build_id and ingredients.build_id and wanted.build_id != ingredients.build_id:
        raise NoDebuginfo(
            f"{wanted.vmlinux or wanted.dump} has build-id {ingredients.build_id},"
            f" the dump needs {wanted.build_id}",
            next_step="give the vmlinux of this very build",
        )
    try:
        built = build(ingredients, path, adaptations)
    except BadBtf as error:
        raise NoDebuginfo(
            f"{wanted.vmlinux or wanted.dump}: its types cannot be used: {error}",
            next_step="give crash the vmlinux with debuginfo itself",
        ) from error
    return Card(
        build_id=ingredients.build_id or "",
        release=ingredients.release,
        made_from=gathered.source,
        adapted=tuple(each.name for each in built.adapted),
        modules=len(built.modules),
        left_out=_first_of((*ingredients.lacking, *built.left_out)),
        seconds=round(time.monotonic() - gathered.began, 3),
    )


def _first_of(reasons: tuple[str, ...]) -> str:
    more = f" (and {len(reasons) - 1} more)" if reasons[1:] else ""
    return reasons[0][:200] + more if reasons else ""


@dataclass(frozen=True, slots=True)
class Gathered:
    """What a namelist is made of, out of which source, and when the reading began."""

    ingredients: Ingredients
    source: str  # vmlinux, vmlinuz or vmcore
    began: float


def _gathered(wanted: Wanted) -> Gathered:
    from vmtriage.namelist.bzimage import is_bzimage, read_vmlinuz
    from vmtriage.namelist.vmcore import read_vmcore
    from vmtriage.namelist.vmlinux import read_vmlinux

    began = time.monotonic()
    sources: list[tuple[Path, Callable[[Path], Ingredients], str]] = []
    if wanted.vmlinux is not None:
        zipped = is_bzimage(wanted.vmlinux)
        sources.append((wanted.vmlinux, read_vmlinuz, "vmlinuz") if zipped
                       else (wanted.vmlinux, read_vmlinux, "vmlinux"))  # fmt: skip
    if wanted.dump is not None:
        more = wanted.more
        sources.append(
            (wanted.dump, lambda path: read_vmcore(path, *more, modules=wanted.modules), "vmcore")
        )
    refused: list[NoDebuginfo] = []
    for path, read, name in sources:
        try:
            return Gathered(read(path), name, began)
        except NoDebuginfo as error:
            refused.append(error)
    if not refused:
        raise NoDebuginfo("nothing to make a namelist of", next_step="give a vmlinux or a dump")
    raise refused[0]


def _namelist(path: Path, card: Card, cached: bool, began: float) -> Namelist:
    return Namelist(
        path=path,
        build_id=card.build_id or None,
        made_from=card.made_from,
        adapted=tuple(each for each in ADAPTATIONS if each.name in card.adapted),
        cached=cached,
        seconds=round(time.monotonic() - began, 3),
        modules=card.modules,
        left_out=card.left_out,
    )
