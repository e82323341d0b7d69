"""What the listener counts, so that nothing is lost in silence."""

from dataclasses import dataclass, fields


@dataclass(slots=True)
class Counters:
    """All numbers of the summary. A field's `told` name says it in plain words."""

    datagrams: int = 0
    lines: int = 0
    windows: int = 0
    events: int = 0
    kernel_drops: int = 0  # datagrams the kernel had no room for
    cut: int = 0  # datagrams longer than we read
    missing: int = 0  # sequence numbers that never came
    duplicates: int = 0
    late: int = 0  # came after they were given up
    reordered: int = 0
    fragments_lost: int = 0  # records of which a fragment never came
    evicted: int = 0  # hosts forgotten because there were too many
    windows_dropped: int = 0  # queue to the assessor full
    assess_failed: int = 0  # the assessor died or took too long
    suppressed: int = 0  # events held back by a rate limit
    notices_dropped: int = 0  # queue of a notifier full
    notices_failed: int = 0
    log_dropped: int = 0  # lines not written to --log-dir

    def losses(self) -> dict[str, int]:
        """What the listener itself lost; each is a reason to look after it."""
        return {name: count for name in _LOSSES if (count := getattr(self, name))}

    def summary(self) -> str:
        """One line for a person: the big numbers, then all others that are not zero."""
        head = (
            f"{self.datagrams} datagrams, {self.lines} lines, {self.windows} windows,"
            f" {self.events} events"
        )
        rest = [
            f"{getattr(self, each.name)} {_WORDS[each.name]}"
            for each in fields(self)
            if each.name in _WORDS and getattr(self, each.name)
        ]
        return "; ".join([head, *rest])


_LOSSES = (
    "kernel_drops", "cut", "evicted", "windows_dropped", "assess_failed", "notices_dropped",
    "notices_failed", "log_dropped",
)  # fmt: skip
_WORDS = {
    "kernel_drops": "datagrams dropped by the kernel (receive buffer full)",
    "cut": "datagrams cut (longer than 16 KiB)",
    "missing": "records missing",
    "duplicates": "duplicates",
    "late": "records late",
    "reordered": "records put in order",
    "fragments_lost": "records with a fragment missing",
    "evicted": "hosts forgotten (more than --max-hosts)",
    "windows_dropped": "windows dropped (assessor too slow)",
    "assess_failed": "windows the assessor died of",
    "suppressed": "events held back by the rate limit",
    "notices_dropped": "notices dropped (notifier too slow)",
    "notices_failed": "notices failed",
    "log_dropped": "lines not written to --log-dir",
}


def told(losses: dict[str, int]) -> str:
    """The losses in words, for an event and for stderr."""
    return ", ".join(f"{count} {_WORDS[name]}" for name, count in losses.items())
