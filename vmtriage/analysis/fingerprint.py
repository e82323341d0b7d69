"""The same value for the same bug, whatever host, CPU, PID, address, offset or build."""

import hashlib

from vmtriage.analysis import plumbing
from vmtriage.analysis.function import panic_stack, relevant_frames
from vmtriage.models.evidence import Facts
from vmtriage.models.finding import Classification, Fingerprint, GuiltyFunction

ALGORITHM = "vmtriage-1"
_DEPTH = 6


def fingerprint(
    facts: Facts, classification: Classification, function: GuiltyFunction | None
) -> Fingerprint:
    """`problem` is class and function; `exact` adds the frames around it, carriers left out."""
    kind = classification.crash_class.value
    name = function.name if function else "-"
    frames: list[str] = []
    stack = panic_stack(facts)
    if stack is not None:
        for frame in relevant_frames(stack, classification.crash_class):
            plain = plumbing.base_name(frame.function)
            if plain in plumbing.CARRIERS or plain in plumbing.PROBE or plain in frames:
                continue
            frames.append(plain)
    return Fingerprint(
        algorithm=ALGORITHM,
        exact=_hash((kind, name, *frames[:_DEPTH])),
        problem=_hash((kind, name)),
    )


def _hash(parts: tuple[str, ...]) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]
