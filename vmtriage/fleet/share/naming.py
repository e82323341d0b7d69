"""What to call the host that crashed: a name wherever there is one, and who says so."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from vmtriage.fleet.namemap import NameMap
from vmtriage.fleet.share import placenames
from vmtriage.models.found import Found, Identity

NameSource = Literal["dump", "map", "directory", "address", "unknown"]
UNKNOWN = "unknown"


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
        self._map = NameMap(table)

    def name(self, found: Found, identity: Identity | None = None) -> HostName:
        """Without `identity` (nothing was opened yet) the dump's own name cannot be known.

        A nodename that every host has (localhost, "(none)") is none.
        """
        own = identity.nodename if identity else None
        if own and placenames.is_name(own):
            return HostName(own.rstrip("."), "dump")
        told = placenames.address(own) if own else None  # a host that is called by its address
        address = (placenames.address(found.host) if found.host else None) or told
        if address and (mapped := self._map.get(address)):
            return HostName(mapped, "map")
        if found.host and not placenames.address(found.host):
            return HostName(found.host, "directory")
        return HostName(address, "address") if address else HostName(UNKNOWN, "unknown")
