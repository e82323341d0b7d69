"""One stage of many dumps: claim, run, judge, keep."""

from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace

from vmtriage.errors import CannotWrite, ClaimLost, StoreError
from vmtriage.fleet.scan.context import Run
from vmtriage.fleet.scan.decide import Decision
from vmtriage.fleet.scan.executor import Ended
from vmtriage.fleet.scan.happening import Happening
from vmtriage.fleet.scan.jobs import analysis
from vmtriage.fleet.scan.keep import Crash, keep, report_in
from vmtriage.fleet.scan.ledger import Ledger
from vmtriage.fleet.scan.outcome import Judged, judge
from vmtriage.fleet.scan.policy import last_line
from vmtriage.fleet.scan.publish import Meanwhile
from vmtriage.models.found import Identity
from vmtriage.models.occurrence import Stage
from vmtriage.store import rows


def triage(run: Run, todo: Sequence[Decision], stage: Stage, turn: rows.Claim) -> set[str]:
    """Every dump's stage; the dumps for which there is nothing more to do in this scan."""
    crashes = {crash.identity.id: crash for crash in (_crash(run, each) for each in todo)}
    if not crashes:
        return set()
    run.tell(Happening(kind="stage", time=run.now(), stage=stage, count=len(crashes)))
    over: set[str] = set()

    def started(dump: str) -> None:
        run.tell(_about(run, crashes[dump], "started", stage))

    with Ledger(run.hands.store, run.hands.worker, stage, started, (turn,)) as ledger:
        jobs = [
            analysis(crash.found, dump, stage, run.space.home(), run.task.manner)
            for dump, crash in crashes.items()
        ]
        meanwhile = Meanwhile(run)
        with closing(run.hands.executor.run(jobs, ledger)) as ends:
            for ended in ends:
                crash = crashes[ended.job.key]
                judged, problem = _settle(run, crash, stage, ended, ledger)
                run.space.remove(ended.job.home)
                _count(run, judged, stage)
                if stage == "full" and judged.word == "ok" and crash.identity.build_id:
                    run.read.add(crash.identity.build_id)
                run.tell(_ended(run, crash, stage, ended, judged, problem))
                if judged.word in ("retry", "quarantine", "stopped"):
                    over.add(ended.job.key)
                meanwhile.publish()
        run.summary.elsewhere += len(ledger.elsewhere)
    return over


def _crash(run: Run, decision: Decision) -> Crash:
    assert decision.dump is not None
    row = run.hands.store.dumps.get(decision.dump)
    assert row is not None
    identity = Identity(
        id=row.id, build_id=row.build_id, release=row.release, crash_time=row.crash_time,
        nodename=row.nodename, size=row.size,
    )  # fmt: skip

    def name(node: str | None) -> str:
        known = identity.model_copy(update={"nodename": node})
        return run.task.names.name(decision.found, known).name

    return Crash(decision.found, identity, name(identity.nodename), row.first_seen, name)


def _settle(
    run: Run, crash: Crash, stage: Stage, ended: Ended, ledger: Ledger
) -> tuple[Judged, str | None]:
    """Report and ledger; what goes wrong with one dump's report is that dump's trouble.

    How it was judged, and the problem it belongs to.
    """
    dump, home, problem = crash.identity.id, ended.job.home, None
    report = report_in(home)
    while True:
        judged = judge(
            ended, report, stage, crash.found.kind, ledger.attempts(dump), run.now(),
            run.task.policy,
        )  # fmt: skip
        try:
            if report is not None and judged.keep:
                claim = ledger.claim(dump)
                problem = keep(
                    run.hands.store, run.task.site, crash, judged.keep, home, report, claim,
                    judged.ended,
                ).problem  # fmt: skip
            break
        except StoreError:
            raise
        except ClaimLost:
            judged = Judged("stopped", rows.Ended("retry", reason="another scan took it over"))
            break
        except CannotWrite as error:
            ended, report = replace(ended, code=75, words=error.message), None
        except Exception as error:
            words = f"its report cannot be kept: {type(error).__name__}: {error}"
            ended, report = replace(ended, code=70, words=words), None
    ledger.end(dump, judged.ended)
    return judged, problem


def _count(run: Run, judged: Judged, stage: Stage) -> None:
    summary = run.summary
    if judged.word in ("ok", "lacking"):
        summary.by_log += stage == "log"
        summary.full += stage == "full"
        summary.lacking += judged.word == "lacking"
    summary.retry += judged.word == "retry"
    summary.quarantined += judged.word == "quarantine"


def _about(run: Run, crash: Crash, kind: str, stage: Stage) -> Happening:
    return Happening.model_validate(
        {
            "kind": kind, "time": run.now(), "share": crash.found.share, "host": crash.host,
            "place": crash.found.place, "dump": crash.identity.id, "stage": stage,
        }
    )  # fmt: skip


def _ended(
    run: Run, crash: Crash, stage: Stage, ended: Ended, judged: Judged, problem: str | None
) -> Happening:
    update = {
        "outcome": judged.word, "seconds": round(ended.seconds, 3),
        "reason": judged.ended.reason or last_line(ended.words) or None,
        "next_try": judged.ended.retry_at, "problem": problem,
    }  # fmt: skip
    return _about(run, crash, "ended", stage).model_copy(update=update)
