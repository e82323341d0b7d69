"""Memory of a crashed kernel, read from its dump without crash(8)."""

from vmtriage.source.dumpfile.missing import Missing, Why
from vmtriage.source.dumpfile.opened import Dump, Stretch, open_dump

__all__ = ["Dump", "Missing", "Stretch", "Why", "open_dump"]
