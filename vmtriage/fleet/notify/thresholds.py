"""Ranges of the monitoring plugins' guidelines: 10, 10:, ~:10, 10:20, @10:20."""

import math
import re
from dataclasses import dataclass

_NUMBER = r"-?\d+(?:\.\d+)?"


@dataclass(frozen=True, slots=True)
class Range:
    """Alerts outside of it, or inside where it was written with @."""

    text: str
    low: float
    high: float
    inside: bool

    @classmethod
    def of(cls, text: str) -> "Range":
        """ValueError for what is no range."""
        found = re.fullmatch(rf"(@)?(?:({_NUMBER}|~)?:)?({_NUMBER})?", text)
        if not found or text in ("", "@", ":"):
            raise ValueError(f"{text!r} is no range: write 10, 10:, ~:10, 10:20 or @10:20")
        low = -math.inf if found[2] == "~" else float(found[2] or 0)
        high = float(found[3]) if found[3] else math.inf
        if low > high:
            raise ValueError(f"{text!r}: the range begins above its end")
        return cls(text, low, high, bool(found[1]))

    def alerts(self, value: float) -> bool:
        """Whether this value is one to alert for."""
        return (self.low <= value <= self.high) == self.inside
