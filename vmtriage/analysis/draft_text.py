"""How a drafted signature is written: patterns left open where crashes differ, and the YAML."""

import json
import re
from collections.abc import Iterator, Sequence

from vmtriage.analysis.crash_view import CrashView
from vmtriage.analysis.patterns import plain
from vmtriage.analysis.signatures import UNWRITTEN
from vmtriage.models.signature import Match

_SPECIAL = re.compile(r"([\\.^$*+?()\[\]{}|])")
_PARTS = re.compile(
    r"(?P<small>\b(?:0x)?0{4,}(?P<digits>[0-9a-f]{1,3})\b)"  # offset from NULL: tells bugs apart
    r"|(?P<hex>\b(?:0x)?[0-9a-f]{8,16}\b|\b0x[0-9a-f]+\b)"
    r"|(?P<number>\d+)|(?P<blank>\s+)|(?P<text>[^\d\s])"
)


def generalised(text: str) -> str:
    """A text as a pattern: what differs from crash to crash is left open."""
    return "".join(_general(part) for part in _PARTS.finditer(plain(text)))


def _general(part: re.Match[str]) -> str:
    if part["small"]:
        return rf"(?:0x)?0*{part['digits'].lstrip('0') or '0'}\b"
    if part["hex"]:
        return r"(?:0x)?[0-9a-f]+"
    if part["number"]:
        return r"\d+"
    if part["blank"]:
        return " "
    return escaped(part[0]) if " " < part[0] <= "~" else "."  # no YAML takes control characters


def escaped(text: str) -> str:
    """The text as a pattern that fits this text alone."""
    return _SPECIAL.sub(r"\\\1", text)


def signature_text(
    name: str, subsystem: str, match: Match, crash: CrashView, hides: Sequence[str]
) -> str:
    """The whole signature.yaml."""
    return "\n".join(_lines(name, subsystem, match, crash, hides)) + "\n"


def _lines(
    name: str, subsystem: str, match: Match, crash: CrashView, hides: Sequence[str]
) -> Iterator[str]:
    kind = crash.classification.crash_class.value
    function = f" in {crash.function.name}" if crash.function else ""
    title = kind.replace("_", " ") + function
    release = (crash.facts.system.release if crash.facts.system else None) or "an unknown kernel"
    release = re.sub(r"[^ -~]", "?", release)
    yield f"# drafted by `vmtriage signatures new` from a crash of {release}"
    yield f"id: {_text(name)}"
    yield f"title: {_text(title)}"
    yield "status: draft"
    yield f"crash_class: {kind}"
    yield f"subsystem: {_text(subsystem)}"
    yield f"what: {UNWRITTEN}"
    yield f"recognised_by: {_text(title)}"
    yield f"usually_caused_by: {UNWRITTEN}"
    yield "match:"
    for key, values in match.model_dump(mode="json", exclude_defaults=True).items():
        if key == "classes":
            yield f"  classes: [{', '.join(values)}]"
            continue
        yield f"  {key}:"
        if key == "memory":
            yield f"    top_slab: [{', '.join(map(_quoted, values['top_slab']))}]"
            continue
        yield from (f"    - {_quoted(each)}" for each in values)
    yield "# kernels:  # without it nobody learns which kernel has the fix"
    yield "#   - line: el9"
    yield '#     fixed: "5.14.0-37.el9"'
    yield "#     source: the erratum, commit or changelog that says so"
    for key in ("do_now", "do_for_good", "refuted_by"):
        yield f"{key}: {UNWRITTEN}"
    if hides:
        yield f"supersedes: [{', '.join(hides)}]"


def _quoted(text: str) -> str:
    return text if re.fullmatch(r"[a-z_]\w*", text) else "'" + text.replace("'", "''") + "'"


def _text(text: str) -> str:
    return text if re.fullmatch(r"[a-z][\w -]*", text) else json.dumps(text)
