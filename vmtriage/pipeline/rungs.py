"""The rungs of one dump, from the settings: crash with less and less asked of it, then without."""

import time
from dataclasses import dataclass, replace
from pathlib import Path

from vmtriage.errors import TriageError
from vmtriage.models.conditions import RungName
from vmtriage.pipeline.ladder import FoundLog, Ladder, Way
from vmtriage.session import dmesg
from vmtriage.session.base import Progress
from vmtriage.session.crash import CrashSession, CrashTarget
from vmtriage.session.limits import Limits, default_memory_bytes
from vmtriage.session.sandbox import Wanted, choose
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


def with_crash(
    crash: Path, vmlinux: Path, dump: Path, bounds: Bounds, progress: Progress
) -> Ladder:
    """All rungs; crash starts at once on the first."""
    sandbox = choose(bounds.sandbox, crash, (vmlinux, dump))
    target = CrashTarget(
        crash, vmlinux, dump, bounds.start_timeout_s, bounds.time_factor,
        sandbox=sandbox, limits=bounds.limits, deadline=bounds.deadline,
    )  # fmt: skip

    def way(name: RungName, options: tuple[str, ...]) -> Way:
        return Way(name, lambda: CrashSession(replace(target, options=options), progress))

    ways = [way(name, options) for name, options in _RUNGS]
    return Ladder(ways, dump, lambda: _find_log(dump, bounds), sandbox)


def without_crash(dump: Path, bounds: Bounds, why: TriageError) -> Ladder:
    """The lowest rungs alone."""
    return Ladder((), dump, lambda: _find_log(dump, bounds), failed=why)


def _find_log(dump: Path, bounds: Bounds) -> FoundLog | None:
    """Out of the dump itself, else from the file that kdump left beside it."""
    own = log_of(dump)
    if own is not None:
        return FoundLog(own, "the dump's memory, read without crash")
    if time.monotonic() < bounds.deadline:
        text = dmesg.dump_dmesg(dump, bounds.sandbox, bounds.limits)
        if text is not None:
            return FoundLog(text, f"the dump, by {dmesg.NAME}")
    beside = log_beside(dump)
    return FoundLog(beside.text, f"{beside.name} beside the dump") if beside else None
