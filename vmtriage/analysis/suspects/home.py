"""A process found guilty lives somewhere: the container's owner is who can be asked."""

from collections.abc import Sequence

from vmtriage.analysis.inquiry.doubts import by_hand
from vmtriage.analysis.suspects.groups import identity, membership
from vmtriage.models.evidence import Evidence
from vmtriage.models.report import Culprit
from vmtriage.models.who import TaskIdentity


def at_home(culprit: Culprit, who: Sequence[TaskIdentity], deliberate: bool) -> Culprit:
    """The same, with the cgroup that its task has in memory; a task in a container is named as
    the container, unless it asked for the crash: then the task itself is the news."""
    task = next((each for each in who if each.pid == culprit.pid), None)
    if culprit.kind != "process" or culprit.pid is None or task is None:
        return culprit
    if task.comm not in culprit.comms or task.cgroup in (None, "/"):
        return culprit  # the PID is another's now, or no cgroup is known
    assert task.cgroup is not None
    housed = task.container is not None and task.container.runtime != "systemd"
    fields = identity(task.cgroup, task.container) if housed and not deliberate else {
        **membership(task.cgroup)
    }  # fmt: skip
    place = Evidence(
        command="rd", line=0, text=task.cgroup,
        says=f"cgroup of {task.comm} (pid {task.pid}), read from its task_struct; to see it:"
        f" {by_hand(task.task)}",
    )  # fmt: skip
    more = {"reason": f"{culprit.name}: {culprit.reason}"} if "name" in fields else {}
    told = culprit.model_dump() | fields | more
    return Culprit.model_validate(told | {"evidence": (*culprit.evidence, place)})
