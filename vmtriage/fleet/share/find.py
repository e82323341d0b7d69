"""Every crash on a share, whoever wrote it there; nothing is opened but directories."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from vmtriage.errors import TriageError
from vmtriage.models.found import Found


@dataclass(frozen=True)
class Unread:
    """A directory that could not be read; what is in it is not known, also not that it is gone.

    place: below the share, as in `Found`; error.retryable: it may pass.
    """

    place: str
    error: TriageError


def find(share: Path, tell: Callable[[Unread], None] = lambda _: None) -> Iterator[Found]:
    """Every crash below `share`, in no order, one after the other as they are come upon.

    A directory that cannot be read is told and the others go on; of the share itself it is raised
    (ShareAway where it may pass, else NoInput). Costs one reading of each directory and one
    stat(2) for each file of a dump; none for what is no dump.
    """
    raise NotImplementedError
