"""What a listener tells about a machine that is still, or was just now, alive."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal, Protocol

from pydantic import Field

from vmtriage.models.base import Model
from vmtriage.models.finding import CrashClass, Severity

# repeat: a summary of what was held back; listener: vmtriage itself lost or cut something
EventKind = Literal["incident", "repeat", "listener"]


class Sender(Model):
    """Who sent the lines, as far as the datagrams tell."""

    host: str  # name if known, else the address
    address: str
    received: datetime  # of the first line that was of interest
    release: str | None = None  # kernel release, where netconsole prepends it


class Event(Model):
    """One incident in what a host sent. It is also what hooks and webhooks get, as JSON."""

    kind: EventKind = "incident"
    host: str
    address: str
    received: datetime
    crash_class: CrashClass = Field(alias="class")
    title: str
    function: str | None = None
    severity: Severity
    fingerprint: str  # the same for the same problem on any host
    line: str  # the kernel's own first line
    signatures: tuple[str, ...] = ()  # ids of the known bugs that fit
    release: str | None = None
    count: int = 1  # how often it happened, those held back included
    hosts: tuple[str, ...] = ()  # kind "repeat": where; at most 1000
    host_count: int = 1  # on how many hosts it was seen


class Assess(Protocol):
    """Text of a kernel log, oldest line first, to the incidents in it."""

    def __call__(self, text: str, sender: Sender) -> Sequence[Event]:
        """The events, the gravest cause first; empty: nothing happened."""
        ...
