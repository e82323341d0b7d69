"""All that an analysis imports and builds sooner or later, for a process that forks analyses.

The command itself imports late: crash reads the dump meanwhile. Whoever forks has time before.
"""

import pkgutil
from collections.abc import Iterator
from importlib import import_module

from vmtriage import analysis, models, namelist, parsers, pipeline, report, session, source
from vmtriage.analysis import ready
from vmtriage.models.base import Model

_PACKAGES = (analysis, models, namelist, parsers, pipeline, report, session, source)


def get_ready() -> None:
    """Imports and builds what an analysis does once. Only time is changed by it."""
    for package in _PACKAGES:
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            import_module(found.name)
    ready.get_ready()
    for model in _kinds_of(Model):
        model.model_rebuild()


def _kinds_of(model: type[Model]) -> Iterator[type[Model]]:
    for kind in model.__subclasses__():
        yield kind
        yield from _kinds_of(kind)
