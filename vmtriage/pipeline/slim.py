"""The slim namelist of a dump: from the cache, of the vmlinux that was given, or of the dump."""

import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from vmtriage.errors import TriageError
from vmtriage.models.dump import Adapted, Debuginfo, DumpInfo, LookedAt, Namelist
from vmtriage.namelist.ensure import Wanted, ensure
from vmtriage.session.base import Progress
from vmtriage.session.child import version_of

_BY = "slim namelist"


@dataclass(frozen=True)
class Slim:
    """A namelist that crash can be started with; `remove` when it is not needed any more."""

    debuginfo: Debuginfo
    crash_version: str | None  # it was chosen for
    remove: Callable[[], None]


def slim_of(
    dump: DumpInfo, files: tuple[Path, ...], given: Debuginfo | None, crash: Path,
    cache_dir: Path | None, progress: Progress,
) -> Slim | LookedAt:  # fmt: skip
    """Made where it was not kept. Where there can be none: what was looked at, and why."""
    scratch = Path(tempfile.mkdtemp(prefix="vmtriage-")).resolve()

    def remove() -> None:
        shutil.rmtree(scratch, ignore_errors=True)

    path, *more = files
    try:
        version = version_of([str(crash)], scratch)
        progress("looking for a slim namelist, or making one")
        made = ensure(
            Wanted(
                vmlinux=Path(given.path) if given else None, dump=path, more=tuple(more),
                build_id=dump.build_id, crash_version=version,
            ),
            scratch, cache_dir,
        )  # fmt: skip
    except (TriageError, OSError, MemoryError) as error:
        remove()
        reason = error.message if isinstance(error, TriageError) else str(error)
        return LookedAt(place=str(path), found_by=_BY, outcome="rejected", reason=reason)
    except BaseException:
        remove()
        raise
    namelist = Namelist(
        path=str(made.path), made_from=made.made_from, cached=made.cached, seconds=made.seconds,
        kept=not made.path.is_relative_to(scratch),
        adapted=tuple(Adapted(name=a.name, why=a.why, source=a.source) for a in made.adapted),
    )  # fmt: skip
    progress(f"namelist: {made.path} (of the {made.made_from}, {made.seconds:.1f} s)")
    if given is not None:
        return Slim(given.model_copy(update={"namelist": namelist}), version, remove)
    used = LookedAt(place=str(made.path), found_by=_BY, outcome="used")
    own = made.made_from == "vmcore" and not made.cached
    matches = True if own or (dump.build_id and dump.build_id == made.build_id) else None
    debuginfo = Debuginfo(
        path=str(made.path), namelist=namelist, build_id=made.build_id, build_id_matches=matches,
        found_by=f"{_BY}, of the {made.made_from}", looked=(used,),
    )  # fmt: skip
    return Slim(debuginfo, version, remove)
