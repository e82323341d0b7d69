"""The rungs of one dump, from the settings: crash with less and less asked of it, then without."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from vmtriage.errors import TriageError
from vmtriage.models.conditions import RungName
from vmtriage.models.dump import Debuginfo
from vmtriage.pipeline.beside import Beside
from vmtriage.pipeline.ladder import Ladder
from vmtriage.pipeline.slim import Slim
from vmtriage.pipeline.ways import FoundLog, Started, Way
from vmtriage.session import dmesg
from vmtriage.session.base import Progress
from vmtriage.session.crash import CrashSession, CrashTarget
from vmtriage.session.limits import Limits, default_memory_bytes
from vmtriage.session.sandbox import Sandbox, Wanted, choose
from vmtriage.settings import Settings
from vmtriage.source.beside import log_beside
from vmtriage.source.klog import log_of

_RUNGS: tuple[tuple[RungName, tuple[str, ...]], ...] = (
    ("normal", ()),
    ("zero_excluded", ("--zero_excluded",)),
    ("minimal", ("--minimal",)),
)


@dataclass(frozen=True)
class Bounds:
    """What one analysis may use."""

    sandbox: Wanted
    limits: Limits
    deadline: float  # of time.monotonic()
    start_timeout_s: float
    time_factor: float

    @classmethod
    def of(cls, settings: Settings, began: float) -> "Bounds":
        """By the settings; `began` of time.monotonic()."""
        memory = settings.memory_bytes or default_memory_bytes()
        return cls(
            settings.sandbox, Limits(memory), began + settings.budget_s,
            settings.start_timeout_s, settings.time_factor,
        )  # fmt: skip


@dataclass(frozen=True)
class Tools:
    """What every rung of crash's has in common."""

    crash: Path
    dump: tuple[Path, ...]  # one file, or the parts of a split one
    bounds: Bounds
    sandbox: Sandbox
    progress: Progress
    version: str | None = None  # of crash, where it was asked already

    def ways(self, found: Callable[[], Debuginfo | None], slim: bool = False) -> list[Way]:
        """All rungs on one namelist. `found` is asked when crash is to be started."""
        return [
            Way(name, partial(self._start, found, options), slim) for name, options in _RUNGS
        ]  # fmt: skip

    def _start(
        self, found: Callable[[], Debuginfo | None], options: tuple[str, ...]
    ) -> Started | None:
        debuginfo, bounds = found(), self.bounds
        if debuginfo is None:
            return None
        debug = debuginfo.debug_path
        target = CrashTarget(
            crash=self.crash,
            version=self.version,
            vmlinux=read_by_crash(debuginfo),
            dump=self.dump[0],
            parts=self.dump[1:],
            remade_of=remade_of(debuginfo, self.dump[0]),
            debug=Path(debug).resolve() if debug and debuginfo.namelist is None else None,
            start_timeout_s=bounds.start_timeout_s,
            time_factor=bounds.time_factor,
            options=options,
            sandbox=self.sandbox,
            limits=bounds.limits,
            deadline=bounds.deadline,
        )
        return Started(CrashSession(target, self.progress), debuginfo)


def read_by_crash(debuginfo: Debuginfo) -> Path:
    """The file on crash's command line."""
    told = debuginfo.namelist.path if debuginfo.namelist else debuginfo.path
    return Path(told).resolve()


def remade_of(debuginfo: Debuginfo, dump: Path) -> Path | None:
    """What a namelist that goes with the session is made of again; None for one that stays."""
    slim = debuginfo.namelist
    if slim is None or slim.kept:
        return None
    return dump if slim.made_from == "vmcore" else Path(debuginfo.path)


def on_vmlinux(
    crash: Path, debuginfo: Debuginfo, dump: tuple[Path, ...], bounds: Bounds, progress: Progress,
    shown: tuple[Path, ...] = (),
) -> Ladder:  # fmt: skip
    """All rungs on the vmlinux; crash starts at once on the first. shown: directories it may read
    as well."""
    sandbox = choose(bounds.sandbox, crash, (read_by_crash(debuginfo), *dump))
    sandbox = replace(sandbox, more=shown)
    tools = Tools(crash, dump, bounds, sandbox, progress)
    ways = tools.ways(lambda: debuginfo)
    return Ladder(ways, dump[0], partial(_find_log, dump, bounds), sandbox)


def on_namelist(
    crash: Path, slim: Slim, full: Callable[[], Debuginfo | None], dump: tuple[Path, ...],
    bounds: Bounds, sandbox: Sandbox, progress: Progress, quick: bool = False,
) -> Ladder:  # fmt: skip
    """All rungs on a slim namelist; the vmlinux, if there is one, where crash refuses that, and,
    but for quick, for what it could not answer.
    """
    debuginfo = slim.debuginfo
    tools = Tools(crash, dump, bounds, sandbox, progress, slim.crash_version)
    first, *others = tools.ways(lambda: debuginfo, slim=True)
    whole = tools.ways(full)
    beside = None if quick else Beside(whole[0].open)
    second = Way("normal", beside.take) if beside else whole[0]
    return Ladder(
        (first, second, *others), dump[0], partial(_find_log, dump, bounds), sandbox,
        instead=whole, beside=beside, at_end=slim.remove,
    )  # fmt: skip


def without_crash(dump: tuple[Path, ...], bounds: Bounds, why: TriageError) -> Ladder:
    """The lowest rungs alone."""
    return Ladder((), dump[0], partial(_find_log, dump, bounds), failed=why)


def _find_log(dump: tuple[Path, ...], bounds: Bounds) -> FoundLog | None:
    """Out of the dump itself, else from the file that kdump left beside it."""
    own = log_of(*dump)
    if own is not None:
        return FoundLog(own, "the dump's memory, read without crash")
    if time.monotonic() < bounds.deadline:
        text = None if dump[1:] else dmesg.dump_dmesg(dump[0], bounds.sandbox, bounds.limits)
        if text is not None:
            return FoundLog(text, f"the dump, by {dmesg.NAME}")
    beside = log_beside(dump[0])
    return FoundLog(beside.text, f"{beside.name} beside the dump") if beside else None
