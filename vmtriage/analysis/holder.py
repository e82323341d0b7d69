"""Who lets a spinning CPU wait, as far as the other CPUs' stacks tell. Never more than probable."""

from collections.abc import Sequence
from dataclasses import dataclass

from vmtriage.analysis import plumbing, skip
from vmtriage.analysis.anchors import hands_over
from vmtriage.analysis.cpus import doing, function_of, names_of, state_of
from vmtriage.models.backtrace import Backtrace

_TAKES_RUN_QUEUES = plumbing.BANDWIDTH | {
    "load_balance", "update_blocked_averages", "try_to_wake_up", "scheduler_tick", "__schedule",
    "_nohz_idle_balance",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Holder:
    """cpu None: nobody can be named, and `why` says so."""

    cpu: int | None
    proven: bool
    why: str


def holder_of(waiter: Backtrace, stacks: Sequence[Backtrace]) -> Holder:
    """The CPU in kernel code that does not wait itself: the one in the same code, or the only."""
    others = [stack for stack in stacks if stack.cpu != waiter.cpu]
    running = [stack for stack in doing(others, "runs") if stack.cpu is not None]
    if not running:
        return Holder(None, False, "no other CPU was in kernel code that does not wait")
    names = set(names_of(waiter))
    if state_of(waiter) == "spins":
        shared = [each for each in running if _telling(names & set(names_of(each)))]
        if len(shared) == 1:
            (one,) = shared
            common = sorted(_telling(names & set(names_of(one))))
            return Holder(
                one.cpu, False, f"in the same code ({', '.join(common[:3])}), not waiting"
            )
        modules = {f.module for f in waiter.frames if f.module}
        same = [e for e in running if modules & {f.module for f in e.frames if f.module}]
        if len(same) == 1:
            return Holder(same[0].cpu, False, "in the same module, and it does not wait")
        if any("rq_lock" in name for name in names):
            queues = [e for e in running if _TAKES_RUN_QUEUES & set(names_of(e))]
            if len(queues) == 1:
                at = function_of(names_of(queues[0])) or "the scheduler"
                return Holder(queues[0].cpu, False, f"in {at}, which takes run queue locks")
    if len(running) == 1:
        why = (
            "the only CPU in kernel code that does not wait"
            if state_of(waiter) == "spins"
            else "the only CPU in kernel code that answers to nobody"
        )
        return Holder(running[0].cpu, False, why)
    return Holder(None, False, f"{len(running)} CPUs were in kernel code: it may be any of them")


def _telling(names: set[str]) -> set[str]:
    """Without what every stack has."""
    return {
        name
        for name in names
        if name not in plumbing.CARRIERS | plumbing.PASS_THROUGH
        and not hands_over(name)
        and not skip.carries(name)
    }
