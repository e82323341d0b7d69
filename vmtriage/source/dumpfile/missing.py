"""Why bytes of memory are not to be had from a dump."""

from enum import StrEnum


class Why(StrEnum):
    """What became of the bytes."""

    EXCLUDED = "excluded"  # there was memory, the dump was made without it
    DAMAGED = "damaged"  # it ought to be in the dump, but is cut off or does not decompress
    OUTSIDE = "outside"  # no memory has this physical address
    UNMAPPED = "unmapped"  # the kernel's page tables map nothing at this virtual address


class Missing(LookupError):
    """Memory that the dump does not give.

    `address` is the first byte that is missing, in the space of the question (virtual for
    read_virtual); `detail` says what was seen.
    """

    def __init__(self, why: Why, address: int, detail: str = "") -> None:
        super().__init__(f"{address:x}: {why}" + (f" ({detail})" if detail else ""))
        self.why, self.address, self.detail = why, address, detail
