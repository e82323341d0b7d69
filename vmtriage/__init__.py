"""vmtriage: what killed this Linux server, who brought it about, and which kernel fixes it."""

__version__ = "0.1.0"
