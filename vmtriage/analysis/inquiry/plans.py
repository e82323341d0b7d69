"""Which further questions a class of crash needs, in the order of their worth."""

import time
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from vmtriage.analysis.inquiry import blocked, instruction, source_line
from vmtriage.analysis.inquiry.bandwidth import bandwidth, nothing_throttled
from vmtriage.analysis.inquiry.objects import objects
from vmtriage.analysis.inquiry.people import who
from vmtriage.analysis.inquiry.scene import Reach, Scene, Step
from vmtriage.analysis.inquiry.slab_users import no_cache, slab_users
from vmtriage.analysis.inquiry.spinners import spinners
from vmtriage.analysis.inquiry.waits import waits
from vmtriage.models.answers import Answers, Inquiry
from vmtriage.models.finding import CrashClass

C = CrashClass

WHO = Step("who", "cgroups, container and names of the tasks that matter", 20, who)
INSTRUCTION = Step(
    "instruction", "the instruction that crashed", 10, instruction.instruction, instruction.why_not
)
OBJECT = Step("object", "the memory its registers point to", 15, objects, instruction.why_not)
BLOCKED = Step(
    "blocked", "tasks in D state, merged by their stacks", 60, blocked.blocked, blocked.why_not
)
WAITS = Step(
    "waits", "what the blocked tasks wait for, and who holds it", 20, waits, blocked.why_not
)

BANDWIDTH = Step(
    "bandwidth", "CPU quotas that are used up, and whose timer was running", 10, bandwidth,
    nothing_throttled,
)  # fmt: skip
SPINNERS = Step("spinners", "who spins on which lock, and who has it", 5, spinners)
USERS = Step(
    "users", "who allocated the objects of the largest slab cache", 10, slab_users, no_cache
)

SOURCE = Step(
    "source", "file and line of the guilty function", 20, source_line.source_line,
    source_line.why_not,
)  # fmt: skip

_FAULT: Sequence[Step] = (INSTRUCTION, OBJECT)
_LOCKUP: Sequence[Step] = (BANDWIDTH, SPINNERS)
_STUCK: Sequence[Step] = (BLOCKED, WAITS)
_EVERY: Sequence[Step] = (WHO,)
_LAST: Sequence[Step] = (SOURCE,)
PLANS: Mapping[CrashClass, Sequence[Step]] = MappingProxyType(
    dict.fromkeys(
        (
            C.NULL_POINTER, C.PAGE_FAULT, C.GENERAL_PROTECTION, C.BUG, C.DIVIDE_ERROR,
            C.DOUBLE_FAULT, C.LIST_CORRUPTION, C.SLAB_CORRUPTION, C.BAD_PAGE, C.REFCOUNT,
            C.SPINLOCK, C.KASAN, C.KFENCE, C.UBSAN,
        ),
        _FAULT,
    )
    | {
        C.HARD_LOCKUP: _LOCKUP,
        C.SOFT_LOCKUP: (*_LOCKUP, *_STUCK),
        C.RCU_STALL: (*_LOCKUP, *_STUCK),
        C.NMI: (*_LOCKUP, *_STUCK),
        C.HUNG_TASK: _STUCK,
        C.SYSRQ: _STUCK,
        C.MEMORY_LEAK: (USERS,),
    }
)  # fmt: skip


def plan_of(crash_class: CrashClass) -> Sequence[Step]:
    """The steps for this class."""
    return (*PLANS.get(crash_class, ()), *_EVERY, *_LAST)


def inquire(scene: Scene, reach: Reach, quick: bool = False) -> Answers:
    """Runs the plan. A step that fails costs its own answers only; each says how it went."""
    answers = Answers()
    told: list[Inquiry] = []
    for step in plan_of(scene.classification.crash_class):
        why = "--quick leaves it out" if quick else step.why_not(scene) if step.why_not else ""
        if why:
            told.append(_told(step, "skipped", why))
            continue
        began = time.monotonic()
        reach.desk.allow(step.budget_s)
        before, answers = answers, step.ask(scene, reach, answers)
        seconds = round(time.monotonic() - began, 3)
        if reach.desk.out_of_time:
            told.append(_told(step, "failed", f"not done within {step.budget_s:g} s", seconds))
        elif answers != before:
            told.append(_told(step, "done", "", seconds))
        elif reach.desk.refused:
            told.append(_told(step, "skipped", reach.desk.refused))
        else:
            told.append(_told(step, "nothing", "", seconds))
    return answers.model_copy(update={"inquiries": tuple(told)})


def _told(step: Step, status: str, reason: str, seconds: float = 0.0) -> Inquiry:
    return Inquiry.model_validate(
        {
            "step": step.name, "asks": step.asks, "status": status, "reason": reason,
            "seconds": seconds, "budget_s": step.budget_s,
        }
    )  # fmt: skip
