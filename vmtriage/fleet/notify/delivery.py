"""What became of what was to be told."""

from dataclasses import dataclass, field

from vmtriage.fleet.notify.records import Ticket


@dataclass(frozen=True, slots=True)
class Delivery:
    """What became of what was waiting. troubles: one line for each that did not work."""

    sent: int = 0
    waiting: int = 0  # kept for a later run: busy, down, refused
    held: int = 0  # not due yet: one like it was told only lately
    dropped: int = 0
    troubles: tuple[str, ...] = ()
    tickets: tuple[Ticket, ...] = ()  # new ones, and those that were found


@dataclass
class Tally:
    """Counted while it goes on."""

    sent: int = 0
    waiting: int = 0
    held: int = 0
    dropped: int = 0
    down: dict[str, str] = field(default_factory=dict)  # notifiers that get nothing more now
    troubles: list[str] = field(default_factory=list)
    tickets: list[Ticket] = field(default_factory=list)

    def result(self) -> Delivery:
        """What it came to."""
        down = (f"{name}: {why}" for name, why in self.down.items())
        troubles = (*down, *self.troubles)
        return Delivery(
            self.sent, self.waiting, self.held, self.dropped, troubles, tuple(self.tickets)
        )
