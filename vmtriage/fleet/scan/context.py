"""What all steps of one scan share."""

from dataclasses import dataclass, field
from datetime import datetime

from vmtriage.fleet.scan.happening import Happening
from vmtriage.fleet.scan.summary import Summary
from vmtriage.fleet.scan.task import Hands, Task
from vmtriage.fleet.scan.workspace import Workspace


@dataclass(frozen=True)
class Run:
    """One scan: what it is to do, with what, and what it has done."""

    task: Task
    hands: Hands
    space: Workspace
    summary: Summary = field(default_factory=Summary)
    read: set[str] = field(default_factory=set)  # build-ids of kernels that crash could read

    def now(self) -> datetime:
        """UTC, by the clock that was handed in."""
        return self.hands.now()

    def tell(self, happening: Happening) -> None:
        """To the terminal and the log."""
        self.hands.watcher.tell(happening)

    def trouble(self, reason: str, share: str | None = None, place: str | None = None) -> None:
        """Something that is not one dump's: a share, the site, a notifier."""
        self.summary.troubles.append(reason)
        self.tell(
            Happening(kind="trouble", time=self.now(), share=share, place=place, reason=reason)
        )

    def busy(self, why: str) -> Summary:
        """Another scan does what there is to do."""
        self.summary.busy = why
        return self.summary
