"""Claims and attempts of what runs: no two scans work on one dump, every try is on record."""

import time
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass

from vmtriage.errors import ClaimLost
from vmtriage.fleet.scan.executor import Job
from vmtriage.models.occurrence import Stage
from vmtriage.store import rows
from vmtriage.store.base import Store

LEASE_S = 600.0  # a machine that is gone for so long loses its work to another
_EXTEND_S = 30.0


@dataclass(frozen=True)
class _Held:
    """The right to work on a dump, and the ledger's open line of it."""

    claim: rows.Claim
    attempt: int | None


class Ledger:
    """An executor's overseer, for one stage. On leaving, whatever is still held is given back."""

    def __init__(
        self, store: Store, worker: rows.Worker, stage: Stage | None,
        started: Callable[[str], None], also: Sequence[rows.Claim] = (),
    ) -> None:  # fmt: skip
        """stage None: reports are made anew, no attempts go on record. started: told each dump
        whose job begins. also: further claims that are to last."""
        self._store, self._worker, self._stage = store, worker, stage
        self._started, self._also = started, also
        self._held: dict[str, _Held] = {}
        self._extended = time.monotonic()
        self.elsewhere: list[str] = []  # dumps that somebody else works on, or has just done

    def __enter__(self) -> "Ledger":
        return self

    def __exit__(self, *_: object) -> None:
        for dump in list(self._held):
            self.end(dump, rows.Ended("retry", reason="the scan was ended"))

    def admit(self, job: Job) -> bool:
        """Claims the job's dump; False: somebody else has it."""
        claims = self._store.claims
        claim = claims.claim(job.key, self._stage or "retriage", self._worker, LEASE_S)
        if claim is None or self._done(job.key):
            if claim is not None:
                claims.release(claim)
            self.elsewhere.append(job.key)
            return False
        attempt = self._store.attempts.begin(claim) if self._stage else None
        self._held[job.key] = _Held(claim, attempt)
        self._started(job.key)
        return True

    def _done(self, dump: str) -> bool:
        """Whether another scan has done it between our decision and our claim."""
        row = self._store.dumps.get(dump)
        if row is None or self._stage is None:
            return row is None
        return row.stage == "full" or (self._stage == "log" and row.stage == "log")

    def tick(self) -> Collection[str]:
        """Makes the claims last; those that were lost."""
        if time.monotonic() - self._extended < _EXTEND_S:
            return ()
        self._extended = time.monotonic()
        claims = self._store.claims
        for claim in self._also:
            claims.extend(claim, LEASE_S)
        return [dump for dump, held in self._held.items() if not claims.extend(held.claim, LEASE_S)]

    def claim(self, dump: str) -> rows.Claim:
        """Under which its results are written."""
        return self._held[dump].claim

    def attempts(self, dump: str) -> int:
        """How often this stage has failed by itself, if this attempt does.

        One that ended because its scan was killed says nothing of the dump.
        """
        assert self._stage is not None
        failed = 1
        for each in reversed(self._store.attempts.of(dump)):
            if each.stage == self._stage and each.outcome is not None:
                if each.outcome == "ok":
                    break
                failed += each.exit_code is not None
        return min(failed, max(1, self._store.attempts.failures(dump, self._stage) + 1))

    def end(self, dump: str, ended: rows.Ended) -> None:
        """The attempt is over: on record, and the claim is free."""
        held = self._held[dump]
        if held.attempt is not None:
            with suppress(ClaimLost):
                self._store.attempts.end(held.attempt, ended, held.claim)
        self.give_back(dump)

    def give_back(self, dump: str) -> None:
        """The claim is free."""
        self._store.claims.release(self._held.pop(dump).claim)
