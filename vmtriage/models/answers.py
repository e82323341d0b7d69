"""What the further questions of a class's plan brought, and which were put."""

from typing import Literal

from vmtriage.models.backtrace import Backtrace
from vmtriage.models.base import Model
from vmtriage.models.evidence import Problem
from vmtriage.models.fault_site import FaultSite
from vmtriage.models.lockup import BlockedReader, CpuGroup, GroupBandwidth, Spinner, StuckCpu
from vmtriage.models.slab_users import SlabUsers
from vmtriage.models.source_line import SourceLine
from vmtriage.models.waits import Blocked, Waits
from vmtriage.models.who import TaskIdentity


class Inquiry(Model):
    """One step of the plan as it went. Seconds; the budget is what it might have taken."""

    step: str
    asks: str  # what it wanted to know
    status: Literal["done", "nothing", "failed", "skipped"]
    reason: str = ""  # why it was skipped, failed, or found nothing
    seconds: float = 0.0
    budget_s: float


class Answers(Model):
    """Everything the steps found. None: not asked, or not readable; `inquiries` says which."""

    blocked_stacks: tuple[Backtrace, ...] | None = None  # of tasks in D state, as crash gave them
    blocked: Blocked | None = None  # the same, merged
    waits: Waits | None = None
    who: tuple[TaskIdentity, ...] | None = None
    fault_site: FaultSite | None = None
    bandwidth: tuple[GroupBandwidth, ...] | None = None
    stuck: tuple[StuckCpu, ...] | None = None
    cpu_groups: tuple[CpuGroup, ...] | None = None
    spinning: tuple[Spinner, ...] | None = None
    blocked_readers: tuple[BlockedReader, ...] | None = None
    slab_users: SlabUsers | None = None
    source: SourceLine | None = None
    problems: tuple[Problem, ...] = ()
    inquiries: tuple[Inquiry, ...] = ()
