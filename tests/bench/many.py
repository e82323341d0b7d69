"""Many signatures out of few: copies of the bundled ones with other names and words."""

import itertools
import re
from collections.abc import Iterator, Sequence
from typing import Any

from vmtriage.analysis.patterns import NESTED
from vmtriage.models.signature import Signature


def varied(signatures: Sequence[Signature], count: int) -> Iterator[dict[str, Any]]:
    """`count` signatures as data: first these, then copies for functions and drivers not met."""
    for turn in itertools.count():
        for signature in signatures:
            if count == 0:
                return
            count -= 1
            data = signature.model_dump(mode="json", exclude_defaults=True)
            if turn:
                data["id"] = f"{signature.id}-{turn}"
                data["supersedes"] = []
                data["match"] = _vary(data["match"], turn)
            yield data


def _vary(match: dict[str, Any], turn: int) -> dict[str, Any]:
    changed = dict(match)
    for field in ("stack", "exception", "function"):
        if field in match:
            changed[field] = [_renamed(each, turn) for each in match[field]]
    for field in ("log", "log_all", "panic"):
        if field in match:
            changed[field] = [f"driver{turn}[ab]: {each.lstrip('^')}" for each in match[field]]
    for field in NESTED:
        if field in match:
            changed[field] = [_vary(each, turn) for each in match[field]]
    if not set(changed) - {"classes", *NESTED}:
        changed["function"] = [f"driver{turn}_probe"]
    return changed


def _renamed(pattern: str, turn: int) -> str:
    """The name with a suffix; of an alternation the last one too. Regexes keep their meaning."""
    if re.fullmatch(r"\w+(?:\|\w+)*", pattern):
        return "|".join(f"{name}_v{turn}" for name in pattern.split("|"))
    return f"(?:{pattern})_v{turn}"
