"""What a container of memory offers, and what a translation of virtual addresses does."""

from typing import Protocol

Translated = tuple[int, int]  # physical address, bytes to the end of the mapping


class Memory(Protocol):
    """Physical memory of one kernel."""

    def read(self, address: int, count: int) -> bytes:
        """Exactly `count` bytes. Raises Missing."""

    def close(self) -> None:
        """Closes the file."""


class AddressSpace(Protocol):
    """The kernel's virtual addresses."""

    def translate(self, address: int) -> Translated:
        """Where it lies. Raises Missing (unmapped, or the reason its tables are missing)."""
