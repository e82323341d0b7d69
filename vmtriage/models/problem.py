"""The same bug on many hosts: one problem, its occurrences, and what they have in common."""

from datetime import datetime
from typing import Literal

from pydantic import Field

from vmtriage.models.base import Model
from vmtriage.models.finding import CrashClass, Severity
from vmtriage.models.occurrence import KnownBug

# host: one machine again and again (hardware?); hardware: one model (firmware?); kernel: one
# release (regression?); culprit: one application, container or module on many hosts
Shared = Literal["host", "hardware", "firmware", "kernel", "culprit", "module"]
# regressed: seen on a kernel that is said to have the fix
State = Literal["new", "known", "spreading", "regressed", "quiet"]


class Common(Model):
    """What occurrences of a problem share, with the numbers behind it.

    count of total occurrences have it (those where it is known), on `hosts` hosts; of the whole
    fleet's occurrences `fleet_count` of `fleet_total` have it.
    """

    what: Shared
    value: str
    count: int
    total: int
    hosts: int
    fleet_count: int
    fleet_total: int
    sentence: str  # "the same YARN application application_1_2 on 9 of 11 dumps, 9 hosts"
    suggests: str  # "its owner can stop it", "look at this machine's hardware" ...


class Near(Model):
    """Another problem whose stack comes close. distance: 0 the same, 1 nothing in common."""

    problem: str
    distance: float = Field(ge=0, le=1)
    reason: str  # "the same but for sched_cfs_period_timer; class and module agree"


class Counted(Model):
    """A value and how many occurrences have it."""

    value: str
    count: int


class ProblemView(Model):
    """A problem with all that is known of its occurrences; made anew when one is added."""

    id: str  # 12 hex digits, for ever: /p/<id>/
    title: str
    crash_class: CrashClass = Field(alias="class")
    function: str | None
    severity: Severity
    states: tuple[State, ...]
    reasons: tuple[str, ...] = ()  # why each state
    first_seen: datetime
    last_seen: datetime
    count: int
    hosts: tuple[Counted, ...]
    kernels: tuple[Counted, ...]
    hardware: tuple[Counted, ...]
    culprits: tuple[Counted, ...]
    common: tuple[Common, ...]
    near: tuple[Near, ...]
    known: tuple[KnownBug, ...]
    ticket: str | None = None  # the link, where one was opened
