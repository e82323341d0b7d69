"""Problems and notices made of occurrences, for tests of who is told what."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from tests.fleet import make_occurrence
from vmtriage.models.notice import Notice, ProblemEvent
from vmtriage.models.occurrence import Occurrence
from vmtriage.models.problem import Counted, ProblemView, State

HEAD = "# hard lockup\n\n**It is a lockup.**\n\n## What to do\n\nUpdate the kernel.\n"
HOSTILE = (
    "<script>alert(1)</script> @everyone @root #123 !45 {code} {noformat} {color:red}x{color} "
    "![x](http://evil.example/p.png) [click](http://evil.example) |h| <!here> <@U123> [~admin]\n"
    "/close\r\nBcc: victim@example.org\n\n```\n"
)


def problem_of(occurrences: Sequence[Occurrence], *states: State, **changes: Any) -> ProblemView:
    """The problem these belong to; the last one is the latest."""
    last = occurrences[-1]

    def counted(values: Sequence[str | None]) -> tuple[Counted, ...]:
        told = Counter(value for value in values if value)
        return tuple(Counted(value=value, count=count) for value, count in told.most_common())

    fields: dict[str, Any] = {
        "id": last.problem, "title": last.title, "crash_class": last.crash_class,
        "function": last.function, "severity": last.severity, "states": states or ("new",),
        "first_seen": min(each.when for each in occurrences),
        "last_seen": max(each.when for each in occurrences), "count": len(occurrences),
        "hosts": counted([each.host for each in occurrences]),
        "kernels": counted([each.release for each in occurrences]),
        "hardware": counted([each.hardware for each in occurrences]),
        "culprits": counted([each.culprit.name if each.culprit else None for each in occurrences]),
        "common": (), "near": (), "known": last.known,
    }  # fmt: skip
    return ProblemView.model_validate(fields | changes)


def notice(
    event: ProblemEvent = "new", count: int = 1, *states: State, markdown: str = HEAD,
    **changes: Any,
) -> Notice:  # fmt: skip
    """The notice of the latest of `count` crashes; `changes` are fields of its occurrence."""
    crashes = [make_occurrence(count - n, **changes) for n in range(count)]
    base = "https://crash.example.org"
    problem = problem_of(crashes, *states)
    last = crashes[-1].model_copy(update={"dump": f"{count:016x}"})
    return Notice.of(problem, last, event, f"{base}/p/{problem.id}/", markdown,
                     f"{base}/d/{last.dump}/")  # fmt: skip
