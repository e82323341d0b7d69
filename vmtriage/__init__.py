"""vmtriage: what killed this Linux server, who brought it about, and which kernel fixes it."""

from importlib.metadata import version

__version__ = version("vmtriage")
