"""What the further questions could not learn, and what to type to see it with one's own eyes."""

from collections.abc import Iterator

from vmtriage.models.answers import Answers
from vmtriage.models.evidence import Part, Problem
from vmtriage.models.who import TaskIdentity

_MANY = 4


def doubts(answers: Answers) -> tuple[Problem, ...]:
    """One problem for each step that did not come to its end, and for tasks half read."""
    return (*answers.problems, *_of_steps(answers), *_of_tasks(answers))


def by_hand(task: str) -> str:
    """What to type into crash to see a task's cgroup."""
    whose = f"((struct task_struct *)0x{task})->cgroups"
    return f"p {whose}->dfl_cgrp->kn->name (v1: p {whose}->subsys[cpu_cgrp_id]->cgroup->kn->name)"


def _of_steps(answers: Answers) -> Iterator[Problem]:
    for step in answers.inquiries:
        if step.status == "failed":
            yield Problem(
                kind="not_answered", message=f"{step.asks}: {step.reason}", unsafe=(Part.CULPRIT,)
            )


def _of_tasks(answers: Answers) -> Iterator[Problem]:
    dark = [each for each in answers.who or () if each.unread]
    if not dark:
        return
    names = ", ".join(_name(each) for each in dark[:_MANY])
    more = f" and {len(dark) - _MANY} more" if len(dark) > _MANY else ""
    parts = sorted({part for each in dark for part in each.unread})
    yield Problem(
        command="rd", kind="page_excluded", unsafe=(),
        message=f"{', '.join(parts)} of {names}{more} could not be read: the pages are not in the"
        f" dump, or crash does not know the structures; by hand: {by_hand(dark[0].task)}",
    )  # fmt: skip


def _name(each: TaskIdentity) -> str:
    return f"{each.comm or 'task'} ({each.pid if each.pid is not None else each.task})"
