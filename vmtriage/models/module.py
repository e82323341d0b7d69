"""Kernel modules that taint, as `mod -t` lists them."""

from vmtriage.models.base import Model, Note


class ModuleTaint(Model):
    """One module and its taint letters (O out of tree, E unsigned, P proprietary ...)."""

    name: str
    taints: str
    line: int


class ModuleTaints(Model):
    """`mod -t`. An empty tuple means crash looked and no module taints."""

    modules: tuple[ModuleTaint, ...]
    notes: tuple[Note, ...] = ()
