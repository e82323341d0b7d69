"""Whose turn it is: on one machine one scan at a time reads logs, and one runs crash."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from vmtriage.fleet.scan.context import Run
from vmtriage.fleet.scan.ledger import LEASE_S
from vmtriage.store.base import Store
from vmtriage.store.rows import Claim, Worker

_LOOK_S = 0.2


@contextmanager
def turn(run: Run, stage: str) -> Iterator[Claim | None]:
    """This machine's turn; None where another scan has it. Not waited for."""
    subject = f"scan:{run.hands.worker.host}:{run.task.site}"
    with _held(run.hands.store, subject, stage, run.hands.worker, 0.0) as claim:
        yield claim


@contextmanager
def publishing(run: Run, patience_s: float) -> Iterator[bool]:
    """The right to write the site and to tell, on whatever machine; false: it could not be had."""
    subject = f"site:{run.task.site}"
    with _held(run.hands.store, subject, "publish", run.hands.worker, patience_s) as claim:
        yield claim is not None


@contextmanager
def _held(
    store: Store, subject: str, stage: str, worker: Worker, patience_s: float
) -> Iterator[Claim | None]:
    until = time.monotonic() + patience_s
    while (claim := store.claims.claim(subject, stage, worker, LEASE_S)) is None:
        if time.monotonic() >= until:
            yield None
            return
        time.sleep(_LOOK_S)
    try:
        yield claim
    finally:
        store.claims.release(claim)
