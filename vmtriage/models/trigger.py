"""What turned the trouble into a dump: a person, a setting, a watchdog, or the crash itself."""

from typing import Literal

from vmtriage.models.base import Model
from vmtriage.models.evidence import Evidence

TriggerKind = Literal[
    "sysrq", "nmi", "watchdog", "panic_on", "oops", "panic_call", "hardware", "init", "no_root",
    "fence",
]  # fmt: skip


class Trigger(Model):
    """Who asked for the dump, and why the machine did not just go on."""

    kind: TriggerKind
    deliberate: bool  # somebody wanted the machine to stop, then and there
    asked_by: str | None = None  # a task or a console; None: not known, or nobody
    setting: str | None = None  # the sysctl, boot or mount option without which it had gone on
    says: str
    evidence: tuple[Evidence, ...] = ()
