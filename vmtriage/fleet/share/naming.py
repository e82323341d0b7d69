"""What to call the host that crashed: a name wherever there is one, and who says so."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from vmtriage.models.found import Found, Identity

NameSource = Literal["dump", "map", "directory", "address", "unknown"]


@dataclass(frozen=True)
class HostName:
    """source: the dump's own nodename; the map file; the name of the directory or file; the
    address in it, as no name is known; nothing at all ("unknown")."""

    name: str
    source: NameSource


class HostNames:
    """Names of hosts, from `ADDRESS NAME` lines as `vmtriage listen --names` takes them."""

    def __init__(self, table: Path | None = None) -> None:
        """BadConfig names the first line of the map that is wrong."""
        raise NotImplementedError

    def name(self, found: Found, identity: Identity | None = None) -> HostName:
        """Without `identity` (nothing was opened yet) the dump's own name cannot be known."""
        raise NotImplementedError
