"""A first signature from a crash nobody has described yet: what the crash shows, generalised.

Everything comes from the raw outputs in the report, by the same steps that will match it later.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vmtriage.analysis import plumbing
from vmtriage.analysis.conditions import conditions
from vmtriage.analysis.crash_view import CrashView
from vmtriage.analysis.draft_text import escaped, generalised, signature_text
from vmtriage.analysis.excerpt import excerpts
from vmtriage.analysis.fromlog import with_log_facts
from vmtriage.analysis.knowledge import Knowledge
from vmtriage.analysis.samples import OUTPUTS, facts_of, view_of
from vmtriage.analysis.signatures import UNWRITTEN, samples
from vmtriage.errors import BadDump, BadSignature
from vmtriage.models.evidence import Facts
from vmtriage.models.finding import CrashClass
from vmtriage.models.signature import Match
from vmtriage.parsers.table import parse

_ID = re.compile(r"[a-z0-9][a-z0-9._-]*")
_DEPTH = 5  # frames; more would tie the signature to one way into the bug
_SAYS_NOTHING = re.compile(r"Fatal exception|^Oops: [0-9a-f]+")  # true of every oops
_LIKE = 2  # misses borrowed from signatures of the same class


@dataclass(frozen=True)
class Draft:
    """A signature to be: its files by path below SUBSYSTEM/ID, and what it lacks."""

    subsystem: str
    id: str
    files: Mapping[str, str]
    advice: tuple[str, ...]


def view_of_outputs(outputs: Mapping[str, str]) -> CrashView:
    """Raw outputs as the conditions see them."""
    fields = {OUTPUTS[key]: parse(key, text) for key, text in outputs.items() if key in OUTPUTS}
    return view_of(with_log_facts(Facts().model_copy(update=dict(fields))))


def draft(
    outputs: Mapping[str, str],
    identifier: str | None,
    knowledge: Knowledge,
    folders: Sequence[Path],
) -> Draft:
    """The draft for one crash. `folders`: signatures whose samples may serve as a miss."""
    if identifier is not None and not _ID.fullmatch(identifier):
        raise BadSignature(
            f"{identifier!r} is no id",
            next_step="an id is letters, digits and dashes: my-driver-hang",
        )
    whole = view_of_outputs(outputs)
    kind = whole.classification.crash_class
    if kind is CrashClass.UNKNOWN:
        raise BadDump(
            "nothing in this report says what kind of crash it was",
            next_step="write the signature by hand: signatures/README.md tells how",
        )
    sample = excerpts(outputs, whole)
    crash = view_of_outputs(sample)
    match = _match(crash, kind)
    function = crash.function
    name = identifier or _slug(kind.value, function.name if function else "")
    subsystem = _slug((function.module if function else None) or "") or "local"
    known = knowledge.match_view(crash)
    text = signature_text(
        name, subsystem, match, crash, [each.id for each in known if each.generic]
    )
    files = {"signature.yaml": text}
    files |= {f"hit-first/{_file(key)}": text for key, text in sample.items()}
    borrowed = _misses(match, kind, folders)
    advice = [
        *(f"{each.id} fits this crash already: {each.title}" for each in known if not each.generic),
        "hit-first/ quotes the crash; read it before you hand it on: logs name hosts and programs",
        "the misses are samples of other signatures of this class; add one that looks more alike"
        if borrowed
        else "there is no miss sample: add miss-NAME/, a crash that looks alike; lint asks for it",
        f"write what is {UNWRITTEN!r}, kernels and references; then make it status: stable",
    ]
    return Draft(subsystem, name, files | borrowed, tuple(advice))


def _match(crash: CrashView, kind: CrashClass) -> Match:
    """Class, function, frames and message; only what the crash itself fulfils."""
    wanted: dict[str, Any] = {"classes": (kind.value,)}
    if crash.function:
        wanted["function"] = (escaped(crash.function.name),)
    if kind is CrashClass.MEMORY_LEAK:  # somebody took this dump by hand: its stack says nothing
        wanted["memory"] = {"top_slab": [escaped(each.name) for each in (crash.slabs or ())[:1]]}
    else:
        wanted |= _stack(crash, kind) | _message(crash)
    parts = {key: Match.model_validate({key: each}) for key, each in wanted.items()}
    good = {key: wanted[key] for key, each in parts.items() if conditions(each, crash) is not None}
    return Match.model_validate(good)


def _stack(crash: CrashView, kind: CrashClass) -> dict[str, Any]:
    if kind is CrashClass.HUNG_TASK and crash.facts.panic_stack:
        return {}  # that stack is the watchdog's, not the victim's
    carriers = plumbing.CARRIERS | plumbing.PROBE
    frames = dict.fromkeys(each.name for each in crash.stack if each.name not in carriers)
    return {"stack": tuple(escaped(name) for name in list(frames)[:_DEPTH])}


def _message(crash: CrashView) -> dict[str, Any]:
    """The panic text as a pattern; where that is true of every oops, the kernel's own message."""
    panic = next((each.text for each in crash.panic_texts), "")
    if panic and not _SAYS_NOTHING.search(panic):
        return {"panic": (generalised(panic),)}
    first = next((e.text for e in crash.classification.evidence if e.command == "log"), "")
    return {"log": (generalised(first),)} if first and not _SAYS_NOTHING.search(first) else {}


def _misses(match: Match, kind: CrashClass, folders: Sequence[Path]) -> dict[str, str]:
    """Samples of other signatures of this class that the draft does not take for its own."""
    found: dict[str, str] = {}
    taken = 0
    for folder in folders:
        for case in samples(folder, "hit")[:1]:
            crash = view_of(facts_of(case))
            if crash.classification.crash_class is not kind or conditions(match, crash) is not None:
                continue
            paths = sorted(case.glob("*.txt")) if case.is_dir() else [case]
            for path in paths:
                name = path.name if case.is_dir() else "log.txt"
                found[f"miss-{folder.name}/{name}"] = path.read_text("utf-8", "backslashreplace")
            taken += 1
            if taken == _LIKE:
                return found
    return found


def _slug(*words: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", " ".join(words).lower()).strip("-")


def _file(command: str) -> str:
    return command.replace(" ", "_") + ".txt"
