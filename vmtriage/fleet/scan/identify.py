"""`python -m vmtriage.fleet.scan.identify IN OUT`: which dumps these are, a line for each.

A process of its own, for a header that is made to harm, or a file whose server is gone, may hang or
kill whoever reads it.
"""

import json
import sys
from pathlib import Path

from vmtriage.errors import TriageError
from vmtriage.fleet.share import identify
from vmtriage.models.base import Model
from vmtriage.models.found import Found, Identity


class Identified(Model):
    """One answer. identity None: it could not be read, for this reason; passing: it may pass."""

    place: str
    identity: Identity | None = None
    reason: str = ""
    passing: bool = False


def answer(found: Found) -> Identified:
    """Never raises what has to do with the dump."""
    try:
        return Identified(place=found.place, identity=identify(found))
    except TriageError as error:
        return Identified(place=found.place, reason=error.message, passing=error.retryable)


def main() -> None:
    """IN: lines of Found; OUT: lines of Identified, each as soon as it is known."""
    source, target = map(Path, sys.argv[1:3])
    with target.open("w", encoding="utf-8") as out:
        for line in source.read_text("utf-8").splitlines():
            found = Found.model_validate(json.loads(line))
            print(answer(found).model_dump_json(), file=out, flush=True)


if __name__ == "__main__":
    main()
