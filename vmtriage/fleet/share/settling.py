"""Whether a dump is finished, or still being written: judged by what changes between two looks."""

from dataclasses import dataclass

from vmtriage.models.found import Found


@dataclass(frozen=True)
class Seen:
    """What the looks before this one saw: `stamp` of Found, and since when (seconds of our clock).

    To be kept beside the place of every crash that waits.
    """

    stamp: str
    since: float


@dataclass(frozen=True)
class Patience:
    """Seconds. settled: no change for so long and a dump is taken as finished; dead: the same for
    one that is called incomplete, and for a log without a dump, which may yet come; old: a file
    whose mtime is so much older than our clock is believed at the first look."""

    settled: float = 30
    dead: float = 900
    old: float = 3600


@dataclass(frozen=True)
class Ready:
    """It can be triaged. incomplete: its capture died."""

    seen: Seen
    incomplete: bool = False
    why: str = ""


@dataclass(frozen=True)
class Wait:
    """It has to be looked at again, not before `until` (seconds of our clock)."""

    seen: Seen
    until: float
    why: str


def settle(
    found: Found, before: Seen | None, now: float, patience: Patience = Patience()
) -> Ready | Wait:
    """Pure. `before`: what was kept of the last look, None at the first. `now`: time.time().

    Whatever comes back, its `seen` is what to keep for the next look.
    """
    raise NotImplementedError
