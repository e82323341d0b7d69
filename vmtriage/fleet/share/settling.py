"""Whether a dump is finished, or still being written: judged by what changes between two looks.

A file server's clock is not ours, so a file's time is only compared with what it was at the look
before. Only at the first look of all, and only where it is hours old, is it believed: a share full
of old dumps need not be waited for. A clock wrong by hours at worst has a dump read too early; its
stamp changes then, and it comes up again.
"""

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
    one that is called incomplete or is empty, and for a log without a dump, which may yet come;
    old: a file that is so much older by its time is believed at the first look."""

    settled: float = 30
    dead: float = 900
    old: float = 3600

    def needed(self, found: Found) -> float:
        """How long nothing may change. makedumpfile can be silent for minutes as it filters."""
        empty = not all(each.size for each in found.files)
        return self.dead if empty or found.kind in ("incomplete", "log") else self.settled


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

    Whatever comes back, its `seen` is what to keep for the next look. A time in the future, of the
    files or of `before`, never makes it wait for longer than the patience.
    """
    stamp, needed = found.stamp, patience.needed(found)
    same = before is not None and before.stamp == stamp and before.since <= now
    seen = before if same and before is not None else Seen(stamp, now)
    quiet = now - seen.since
    incomplete = found.kind == "incomplete"
    if quiet >= needed:
        return Ready(seen, incomplete, f"nothing has changed for {_told(quiet)}")
    age = now - found.newest_ns / 1e9
    if before is None and age >= patience.old + needed:
        return Ready(seen, incomplete, f"last written {_told(age)} ago")
    if before is None:
        why = "seen for the first time"
    elif not same:
        why = "it has changed since the last look: it is being written"
    else:
        why = f"nothing has changed for {_told(quiet)}, {_told(needed)} are waited for"
    return Wait(seen, seen.since + needed, why)


def _told(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
