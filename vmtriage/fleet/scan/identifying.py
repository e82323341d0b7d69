"""Which dumps the new ones are, found out by children: some at once, the stubborn one by one."""

from collections.abc import Collection, Iterator, Sequence
from contextlib import closing
from pathlib import Path

from pydantic import ValidationError

from vmtriage.fleet.scan.executor import Ended, Executor, Job
from vmtriage.fleet.scan.identify import Identified
from vmtriage.fleet.scan.policy import last_line
from vmtriage.fleet.scan.workspace import Workspace
from vmtriage.models.found import Found

_AT_ONCE = 32
_DEADLINE_S = 120.0
_MEMORY = 1 << 30


class _All:
    """Everything may start."""

    def admit(self, _job: Job) -> bool:
        return True

    def tick(self) -> Collection[str]:
        return ()


def identified(
    found: Sequence[Found], executor: Executor, space: Workspace
) -> Iterator[tuple[Found, Identified]]:
    """An answer for each. What made its child die or hang is asked alone, then it is told so."""
    batches = [tuple(found[at : at + _AT_ONCE]) for at in range(0, len(found), _AT_ONCE)]
    silent: list[Found] = []
    for batch, answers, _ in _asked(batches, executor, space):
        yield from zip(batch, answers, strict=False)
        silent += batch[len(answers) :]
    for batch, answers, ended in _asked([(each,) for each in silent], executor, space):
        yield batch[0], answers[0] if answers else _unanswered(batch[0], ended)


def _asked(
    batches: Sequence[tuple[Found, ...]], executor: Executor, space: Workspace
) -> Iterator[tuple[tuple[Found, ...], list[Identified], Ended]]:
    asked = {str(number): batch for number, batch in enumerate(batches)}
    jobs = [_job(key, batch, space.home()) for key, batch in asked.items()]
    with closing(executor.run(jobs, _All())) as ends:
        for ended in ends:
            batch = asked[ended.job.key]
            yield batch, _answers(ended.job.home / "identities", batch), ended
            space.remove(ended.job.home)


def _job(key: str, batch: tuple[Found, ...], home: Path) -> Job:
    lines = "".join(f"{each.model_dump_json()}\n" for each in batch)
    (home / "found").write_text(lines, "utf-8")
    argv = ("vmtriage.fleet.scan.identify", str(home / "found"), str(home / "identities"))
    return Job(key, argv, home, _DEADLINE_S, batch[0].share, need=_MEMORY // 8, limit=_MEMORY)


def _answers(path: Path, batch: tuple[Found, ...]) -> list[Identified]:
    """Whole lines, in order, as far as they are about these."""
    answers: list[Identified] = []
    try:
        lines = path.read_text("utf-8").split("\n")[:-1]
    except OSError:
        return []
    for each, line in zip(batch, lines, strict=False):
        try:
            answer = Identified.model_validate_json(line)
        except ValidationError:
            break
        if answer.place != each.place:
            break
        answers.append(answer)
    return answers


def _unanswered(found: Found, ended: Ended) -> Identified:
    if ended.killed:
        reason = f"reading its header was ended: {ended.killed}"
    else:
        reason = last_line(ended.words) or f"exit code {ended.code}"
    return Identified(place=found.place, reason=reason, passing=ended.killed == "deadline")
