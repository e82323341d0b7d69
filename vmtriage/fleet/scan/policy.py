"""What becomes of a dump after an attempt: pure, by the attempt's end and those before it.

done: reported as far as can be. lacking: reported by its log, but without a namelist: tried again
when another dump of that kernel could be read, and now and then. retry: what failed may pass.
quarantine: it will not; only `--retry-quarantined`, or a change of the dump's files, tries again.
"""

import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from vmtriage.fleet.scan.executor import Ended

Fate = Literal["done", "lacking", "retry", "quarantine"]

_TRANSIENT_WORDS = (
    "Stale file handle", "Input/output error", "timed out", "No space left on device",
    "Disk quota exceeded", "Connection refused", "Resource temporarily unavailable",
    "Cannot allocate memory", "Transport endpoint", "No route to host", "Host is down",
)  # fmt: skip
_DATA = (65, 66)  # no dump; not there, or not to be read
# usage, no crash(8) here, try again, a bad signature or setting: nothing of this is the dump's
_NOT_THE_DUMPS = (2, 69, 75, 78)


@dataclass(frozen=True)
class Policy:
    """How patient one is. Attempts are counted in one stage of one dump since its files changed."""

    first_retry_s: float = 60.0
    longest_retry_s: float = 6 * 3600.0
    lacking_retry_s: float = 24 * 3600.0
    jitter: float = 0.2
    bad_data: int = 3  # attempts that end with 65 or 66
    broken: int = 3  # that end with a bug, a signal, too much memory
    late: int = 3  # whose time was over
    transient: int = 50  # of what may pass: a week and more


@dataclass(frozen=True)
class Next:
    """What is to be done with the dump. at: not before; None: never by itself. reason: why.

    passing: what happened has nothing to do with the dump itself.
    """

    fate: Fate
    at: datetime | None
    reason: str
    passing: bool = False


def after(ended: Ended, attempts: int, now: datetime, policy: Policy = Policy()) -> Next | None:
    """attempts: with this one. None: the attempt does not count, the scan itself was ended."""
    if ended.killed == "stopped":
        return None
    if ended.code == 0:
        return Next("done", None, "")
    patience, reason = _judged(ended, policy)
    if attempts >= patience:
        return Next("quarantine", None, f"{reason} ({attempts} attempts)")
    at = now + delay(ended.job.key, attempts, policy)
    return Next("retry", at, reason, patience == policy.transient)


def lacking(key: str, attempts: int, now: datetime, reason: str, policy: Policy = Policy()) -> Next:
    """A report by the log alone, as there is no namelist for this kernel."""
    wait = timedelta(seconds=_spread(key, attempts, policy.lacking_retry_s, policy))
    return Next("lacking", now + wait, reason)


def delay(key: str, attempts: int, policy: Policy) -> timedelta:
    """Twice as long after each attempt, not to the second the same for all dumps."""
    wait = policy.first_retry_s * 2.0 ** min(attempts - 1, 30)
    return timedelta(seconds=_spread(key, attempts, min(wait, policy.longest_retry_s), policy))


def _spread(key: str, attempts: int, seconds: float, policy: Policy) -> float:
    chance = random.Random(f"{key} {attempts}").random()  # the same on every machine
    return seconds * (1 + policy.jitter * (2 * chance - 1))


def _judged(ended: Ended, policy: Policy) -> tuple[int, str]:
    """How many such attempts are enough, and what happened, in words."""
    words = last_line(ended.words)
    if ended.killed == "deadline":
        return policy.late, f"not finished after {ended.job.deadline_s:g} s"
    if ended.killed == "memory":
        return policy.broken, f"used more than {ended.job.limit >> 20} MB of memory"
    if ended.code in _NOT_THE_DUMPS or any(each in ended.words for each in _TRANSIENT_WORDS):
        return policy.transient, words or "try again"
    if ended.code in _DATA:
        return policy.bad_data, words or f"exit code {ended.code}"
    if ended.code < 0:
        return policy.broken, f"killed by signal {-ended.code}"
    return policy.broken, words or f"exit code {ended.code}"


def last_line(words: str) -> str:
    """The error's own line: vmtriage says `vmtriage: what`, then what to do."""
    lines = [line.strip() for line in words.splitlines() if line.strip()]
    told = [line.removeprefix("vmtriage: ") for line in lines if line.startswith("vmtriage: ")]
    return (told or lines or [""])[-1][:400]
