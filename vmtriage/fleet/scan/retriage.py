"""Old reports made anew from their recordings, with other signatures or another vmtriage."""

from contextlib import closing

from vmtriage.errors import ClaimLost, StoreError, TriageError
from vmtriage.fleet.scan.context import Run
from vmtriage.fleet.scan.executor import Ended
from vmtriage.fleet.scan.happening import Happening
from vmtriage.fleet.scan.jobs import RECORDING, again
from vmtriage.fleet.scan.keep import Crash, keep, report_in, revision_of
from vmtriage.fleet.scan.ledger import Ledger
from vmtriage.fleet.scan.policy import last_line
from vmtriage.models.found import Found, Identity
from vmtriage.models.occurrence import Occurrence
from vmtriage.store import rows


def retriage(run: Run, revision: str, turn: rows.Claim) -> None:
    """Every dump whose recording was last looked at by another revision. No dump is opened."""
    store = run.hands.store
    stale = store.recordings.stale(revision)[: run.task.limit]
    if not stale:
        return
    run.tell(Happening(kind="stage", time=run.now(), stage="retriage", count=len(stale)))
    with Ledger(store, run.hands.worker, None, lambda _: None, (turn,)) as ledger:
        jobs = (again(dump, run.space.home(), run.task.manner) for dump in stale)
        laid = [job for job in jobs if store.recordings.unpack(job.key, job.home / RECORDING)]
        with closing(run.hands.executor.run(laid, ledger)) as ends:
            for ended in ends:
                _settle(run, ended, ledger)
                run.space.remove(ended.job.home)


def _settle(run: Run, ended: Ended, ledger: Ledger) -> None:
    dump, store = ended.job.key, run.hands.store
    report, old = report_in(ended.job.home), store.occurrences.get(dump)
    reason = ""
    try:
        if ended.code == 0 and report is not None and old is not None:
            crash = _crash(old, store.dumps.get(dump))
            keep(store, run.task.site, crash, old.stage, ended.job.home, report, ledger.claim(dump))
            store.recordings.triaged(dump, revision_of(report))
            run.summary.again += 1
        elif ended.killed != "stopped":
            reason = last_line(ended.words) or f"exit code {ended.code}"
    except StoreError:
        raise
    except ClaimLost:
        pass
    except TriageError as error:
        reason = error.message
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"
    ledger.give_back(dump)
    if reason:
        run.trouble(f"the report of {dump} cannot be made anew: {reason}")
    run.tell(
        Happening(
            kind="ended", time=run.now(), dump=dump, stage="retriage",
            outcome="failed" if reason else "ok", seconds=round(ended.seconds, 3),
            reason=reason or None,
        )
    )  # fmt: skip


def _crash(old: Occurrence, row: rows.Dump | None) -> Crash:
    """What the occurrence needs of the share, without looking there."""
    found = Found(
        share=old.share, place=old.place, layout="unknown", kind=row.kind if row else "vmcore"
    )
    identity = Identity(
        id=old.dump, build_id=row.build_id if row else None,
        release=row.release if row else old.release, crash_time=old.crash_time,
        nodename=row.nodename if row else None, size=row.size if row else 0,
    )  # fmt: skip
    return Crash(found, identity, old.host, old.first_seen)
