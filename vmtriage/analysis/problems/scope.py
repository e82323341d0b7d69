"""What must not be one problem although its fingerprint is one.

A fingerprint is class and function. Where that is too little to call two crashes the same, a scope
stands beside it, in words (kind, blank, value); two crashes are one problem if both agree.

| crash | scope | why |
|---|---|---|
| a function is known | none | the same class in the same function is the same bug until shown |
| sysrq, NMI | the kind of ask | somebody wanted a dump; what else goes on is in the report |
| NMI by hardware, machine check, I/O error | the machine | a broken part is one machine's |
| out of memory, a memory cgroup's limit | its application or unit | its owner can act, no other |
| out of memory, the whole machine | `whole` | one problem: capacity; `common` tells who ate it |
| memory leak without function | the slab cache | of kmalloc's caches also who allocated from it |
| panic, no root, init killed, watchdog, unknown; no function | the panic text | all that is known |
| these with a text that says nothing, faults without function | the machine | see below |
| hung task, lockup in what only hands over (vfs_write, kthread) | the machine | as if unknown |

Not knowing is not having in common: without anything to tell crashes apart they are one problem
per machine, neither one for all (bugs would hide behind each other) nor one per dump (a ticket
each). Only what the log tells goes in, so that the log's stage and the full one agree; but for a
leak, which no log shows. A hung task is known by where it waits, whoever holds what it waits for:
the holder is in the report.
"""

import re

from vmtriage.analysis.anchors import hands_over
from vmtriage.models.details import OomReport
from vmtriage.models.finding import CrashClass
from vmtriage.models.report import Report

C = CrashClass
_MACHINE = frozenset({C.MCE, C.IO_ERROR})
_STALLS = frozenset({C.HUNG_TASK, C.SOFT_LOCKUP, C.HARD_LOCKUP, C.RCU_STALL})
_BY_TEXT = frozenset({C.PANIC, C.UNKNOWN, C.INIT_KILLED, C.NO_ROOT, C.WATCHDOG})
_HARDWARE_NMI = frozenset({"hardware", "watchdog"})  # kinds of trigger
_IO_NMI = "kernel.panic_on_io_nmi"
# Texts that every crash of some kind has.
_SAYS_NOTHING = re.compile(
    r"^(?:Fatal|Oops|BUG: |panic_on|hung_task|softlockup|.*LOCKUP|RCU Stall|NMI|Machine check"
    r"|unable to handle|general protection|\W*$)", re.IGNORECASE,
)  # fmt: skip
_GENERAL = re.compile(r"(?:dma-|rcl-|cg-)?(?:kmalloc|size|vmalloc)-")  # caches that all use
_PREFIX = re.compile(r"^\W*Kernel panic - not syncing:? *")
_NUMBERS = re.compile(r"(?<!exitcode=)\b(?:0x[0-9a-f]+|[0-9a-f]{8,}|\d+)\b|(?<=[a-z])\d+")
_LONGEST = 80


def scope_of(report: Report, function: str | None, host: str) -> str:
    """The scope of a crash; "" where class and function say enough. function: as fingerprinted."""
    kind = report.verdict.crash_class
    if kind is C.SYSRQ:
        return "asked sysrq"
    if kind is C.NMI:
        return f"machine {host}" if _by_hardware(report) else "asked NMI"
    if kind is C.OOM:
        return _oom(report)
    if kind in _MACHINE and (function is None or kind is C.MCE):
        return f"machine {host}"
    if function is not None and not (kind in _STALLS and hands_over(function)):
        return ""
    if kind is C.MEMORY_LEAK and (cache := _leaking(report)):
        return f"cache {cache}"
    text = _text(report, host) if kind in _BY_TEXT else None
    return f"text {text}" if text else f"machine {host}"


def machine_bound(scope: str) -> bool:
    """Whether the problem is one machine's: it says nothing of others."""
    return scope.startswith("machine ")


def _by_hardware(report: Report) -> bool:
    trigger = report.trigger
    return trigger is not None and (trigger.kind in _HARDWARE_NMI or trigger.setting == _IO_NMI)


def _oom(report: Report) -> str:
    told = [each.oom for each in report.incidents or () if each.oom is not None]
    whole = [each for each in told if each.tasks or each.memory]
    last = whole or told
    if not last or last[-1].constraint != "memcg":
        return "whole"
    return f"memcg {_group(last[-1])}"


def _group(told: OomReport) -> str:
    """Whose limit it was, by what is the same on every host that runs it."""
    group = told.memcg.container if told.memcg else None
    task = told.tasks[0].comm if told.tasks else told.victim.comm if told.victim else None
    if group is not None and group.application:
        return f"{group.runtime} {group.application}"
    if group is not None and not (group.container_id or group.pod):
        return f"{group.runtime} {group.name}"
    path = told.memcg.oom_path if told.memcg else None
    runtime = group.runtime if group else None
    return f"{runtime or path or 'an unknown group'} {task or ''}".strip()


def _leaking(report: Report) -> str | None:
    """The slab cache or the kind of memory, by the row that the verdict cites."""
    rows = (each for each in report.verdict.evidence if each.command in ("kmem -s", "kmem -V"))
    row = next(rows, None)
    users = report.slab_users.users if report.slab_users else ()
    caller = users[0].function if users and users[0].share >= 0.5 else None
    if row is None or not row.text.split():
        return caller
    name = row.text.split()[0].rstrip(":")
    return f"{name} by {caller}" if caller and _GENERAL.match(name) else name


def _text(report: Report, host: str) -> str | None:
    """The panic text without numbers and names of this host; None where it says nothing."""
    told = report.system.panic if report.system else None
    plain = _PREFIX.sub("", told or "").strip(" \"'")
    if not plain or _SAYS_NOTHING.match(plain):
        return None
    whole = (host, report.system.nodename or "" if report.system else "")
    names = {*whole, *(name.partition(".")[0] for name in whole)}
    for name in sorted(names, key=len, reverse=True):  # web1.example.com before web1
        plain = re.sub(rf"\b{re.escape(name)}\b", "HOST", plain) if len(name) > 2 else plain
    return " ".join(_NUMBERS.sub("N", plain).split())[:_LONGEST]
