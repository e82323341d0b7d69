"""Suspects by the locks themselves: whoever stands at the end of a chain of waiting tasks."""

from collections.abc import Iterator

from vmtriage.analysis.suspects.case import Case
from vmtriage.models.evidence import Evidence
from vmtriage.models.finding import CrashClass
from vmtriage.models.report import Culprit
from vmtriage.models.waits import TaskName, WaitChain, Waiting

C = CrashClass
_READ, _FEW, _UNNAMED, _HINT = 0.9, 0.85, 0.6, 0.5
_DEADLOCK = 0.79  # each of the members is as likely as the others
_MODULE = 0.6
_STUCK, _SERVED = 0.85, 0.75  # the device, and the task that only waits for it with a lock held
_SHOWN = 4
_MEMBERS = 8


def by_chains(case: Case) -> Iterator[Culprit]:
    """Whom the blocked tasks wait for, read from kernel memory; nobody where no lock was found."""
    found = case.answers.waits.chains if case.answers.waits else ()
    hung = {i.pid for i in case.incidents if i.crash_class is C.HUNG_TASK}
    for chain in found:
        named = bool(hung & {task.pid for task in (*chain.victims, *_tasks(chain))})
        if chain.end == "cycle":
            yield from _deadlock(chain, named or not hung)
        elif chain.root is not None:
            yield from _holder(chain, chain.root, named or not hung)
    if not found:
        yield from _stuck(case)


def _stuck(case: Case) -> Iterator[Culprit]:
    """No lock has an owner to show, but the tasks are known to wait for one device or server."""
    told = case.answers.waits.tasks if case.answers.waits else ()
    waiting = [each for each in told if each.stuck is not None and each.stuck.device]
    for name in dict.fromkeys(each.stuck.device for each in waiting if each.stuck):
        links = [each for each in waiting if each.stuck and each.stuck.device == name]
        first = links[0]
        if first.stuck is None or name is None:
            continue
        cold = first.stuck.kind == "frozen"
        whole = len(links) * 2 > len(told)
        reason = f"{len(links)} of {len(told)} blocked tasks wait for " + (
            "this file system to be thawed; the kernel does not record who froze it"
            if cold
            else f"it ({first.stuck.kind} I/O), by their stacks and the log"
        )
        evidence = [Evidence(command=each.check, line=0, text=f"{each.task} {each.says}",
                             says=f"{'frozen: ' if cold else ''}{name}")
                    for each in links[:_SHOWN]]  # fmt: skip
        if first.stuck.line is not None:
            evidence.append(Evidence(command="log", line=first.stuck.line, text=first.stuck.text,
                                     says="the only one the log calls in trouble"))  # fmt: skip
        yield Culprit(
            kind="device", name=name, score=(_STUCK if cold else _SERVED) if whole else _HINT,
            reason=reason, evidence=tuple(evidence),
            refuted_by=f"`{first.check}` in crash showing a wait for something else",
        )  # fmt: skip


def _tasks(chain: WaitChain) -> Iterator[TaskName]:
    return (link.task for link in chain.links)


def _holder(chain: WaitChain, root: TaskName, named: bool) -> Iterator[Culprit]:
    last, lock = chain.links[-1], chain.links[-2]
    stuck = last.stuck
    if chain.certainty != "read":
        score = _HINT
    elif not named:
        score = _UNNAMED  # others wait for him, but not those the kernel complained of
    else:
        score = _SERVED if stuck else _READ if chain.waiters > 1 else _FEW
    if last.lock is not None and any(last.lock == each.lock for each in chain.links[:-1]):
        score = min(score, _HINT)  # it waits for the very lock it is said to hold
    several = chain.waiters != 1
    waiters = f"{chain.waiters} blocked task{'s' if several else ''} wait{'' if several else 's'}"
    holds = "holds" if chain.certainty == "read" else "may hold"
    yield _culprit(
        root, score,
        f"{waiters} for {'a lock' if len(chain.links) == 2 else 'locks'} this one {holds}"
        f" ({_lock(lock)}), by the lock's own memory; it {_does(last)}",
        f"`{lock.check}` in crash naming another owner than {root.task}, or `bt {root.task}`"
        " showing that it waits for one of them",
        chain,
    )  # fmt: skip
    if stuck is not None and stuck.device is not None and stuck.line is not None and named:
        yield Culprit(
            kind="device", name=stuck.device, score=_STUCK,
            reason=f"the holder of the lock, {root}, waits for it ({stuck.kind} I/O)",
            refuted_by=f"`bt {root.task}` in crash showing a wait for something else",
            evidence=(
                Evidence(command="log", line=stuck.line, text=stuck.text,
                         says="the only one the log calls in trouble"),
                *evidence_of(chain),
            ),
        )  # fmt: skip
    if last.module is not None and chain.certainty == "read" and named:
        yield Culprit(
            kind="module", name=last.module, score=_MODULE,
            reason=f"{last.function} of this module is where the holder of the lock {_does(last)}",
            refuted_by=f"`bt {root.task}` in crash showing that other code took the lock",
            evidence=evidence_of(chain),
        )  # fmt: skip


def _deadlock(chain: WaitChain, named: bool) -> Iterator[Culprit]:
    """Each holds what the next one wants: nobody of them is guilty alone."""
    members = ", ".join(str(link.task) for link in chain.links[:_MEMBERS])
    score = _DEADLOCK if chain.certainty == "read" else _HINT
    for link in chain.links[:_MEMBERS]:
        yield _culprit(
            link.task, score if named else min(score, _UNNAMED),
            f"deadlock of {members}: each waits for a lock that the next one holds;"
            f" this one wants {_lock(link)}",
            f"`{link.check}` in crash naming another owner than"
            f" {link.owner.task if link.owner else 'the next one'}",
            chain,
        )  # fmt: skip
    modules = dict.fromkeys(link.module for link in chain.links if link.module)
    for module in modules if named and chain.certainty == "read" else ():
        yield Culprit(
            kind="module", name=module, score=_MODULE,
            reason="its code takes the locks of the deadlock in an order that others do not keep",
            refuted_by="all paths that take these locks, taking them in one order",
            evidence=evidence_of(chain),
        )  # fmt: skip


def _culprit(
    task: TaskName, score: float, reason: str, refuted_by: str, chain: WaitChain
) -> Culprit:
    return Culprit(
        kind="process", name=str(task), pid=task.pid, comms=(task.comm,), score=score,
        reason=reason, refuted_by=refuted_by, evidence=evidence_of(chain),
    )  # fmt: skip


def evidence_of(chain: WaitChain) -> tuple[Evidence, ...]:
    """Its links, each with the command that shows it."""
    return tuple(
        Evidence(command=link.check, line=0, text=f"{link.task} {link.says}", says=_step(link))
        for link in chain.links[:_SHOWN]
    )


def _step(link: Waiting) -> str:
    if link.owner is not None:
        sure = "" if link.certainty == "read" else ", perhaps"
        return f"waits for {_lock(link)}: held by {link.owner}{sure}"
    return "the end of the chain"


def _lock(link: Waiting) -> str:
    return f"{link.kind} {link.symbol or link.lock or 'not found'}"


def _does(link: Waiting) -> str:
    """The verb for what the root did."""
    where = f" in {link.function}" if link.function else ""
    if link.kind == "running":
        return f"was on a CPU{where}"
    if link.stuck is not None:
        return f"waits for {link.stuck.kind} I/O{where}"
    if link.says.startswith("its stack"):
        return "was not to be looked at: its stack could not be read"
    return f"{link.says}{where}"
