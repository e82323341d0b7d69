"""Frames that crash's unwinder passed over, told by the trace the kernel printed.

crash can lose its way in a frame that is based on rbp, as panic()'s own is: `bt` then goes on
wherever the bytes on the stack lead, to the entry of the system call at worst, and says nothing.
"""

from collections.abc import Sequence
from itertools import pairwise

from vmtriage.analysis import plumbing
from vmtriage.models.backtrace import Backtrace


def lost_frames(stack: Backtrace, told: Sequence[str]) -> tuple[str, ...]:
    """Functions the kernel unwound where bt has a gap or ends before its time; () for none.

    Asked only of a stack that panic() ended in plain code: behind a register block crash starts
    afresh. told: base names of the kernel's trace, innermost first, without its guesses.
    """
    if not _plain_panic(stack):
        return ()
    places: list[int | None] = []
    start = 0
    for frame in stack.frames:
        name = plumbing.base_name(frame.function)
        here = next((i for i in range(start, len(told)) if told[i] == name), None)
        start = start if here is None else here + 1
        places.append(here)
    lost: list[str] = []
    for upper, lower in pairwise((*places, len(told))):
        if upper is not None and lower is not None:
            lost += told[upper + 1 : lower]
    return tuple(name for name in lost if name not in plumbing.CARRIERS)


def _plain_panic(stack: Backtrace) -> bool:
    if not stack.frames or any(not block.user_mode for block in stack.exceptions):
        return False
    return plumbing.base_name(stack.frames[0].function) in plumbing.DUMPING
