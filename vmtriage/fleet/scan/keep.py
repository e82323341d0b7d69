"""A finished job's files into the site and the store: may be repeated, may be killed anywhere."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pydantic import ValidationError

from vmtriage.analysis.problems import occurrence_of, place
from vmtriage.fleet.scan.jobs import RECORDING, REPORT
from vmtriage.models.found import Found, Identity
from vmtriage.models.occurrence import Occurrence, Stage
from vmtriage.models.report import Report
from vmtriage.report.files import write_all
from vmtriage.session.record import is_recording
from vmtriage.store.base import Store
from vmtriage.store.rows import Claim, Ended, ReportFiles

FILES = ("report.json", "report.md", "report.html")


@dataclass(frozen=True)
class Crash:
    """A dump that is being triaged, as far as it is known without its report.

    name: what its host is called, if the report knows a nodename that the dump's header does not.
    """

    found: Found
    identity: Identity
    host: str
    first_seen: datetime
    name: Callable[[str], str] | None = None

    def host_by(self, report: Report) -> str:
        """The host's name, with all that is known now."""
        node = report.system.nodename if report.system else None
        if node and self.name and not self.identity.nodename:
            return self.name(node)
        return self.host


def report_in(home: Path) -> Report | None:
    """What the job reported; None: nothing, or nothing whole."""
    try:
        text = (home / REPORT / FILES[0]).read_text("utf-8")
        return Report.model_validate_json(text)
    except (OSError, ValidationError, UnicodeDecodeError):
        return None


def keep(
    store: Store, site: Path, crash: Crash, stage: Stage, home: Path, report: Report, claim: Claim,
    ended: Ended | None = None,
) -> Occurrence:  # fmt: skip
    """The report's files, the recording, then the occurrence: ClaimLost, CannotWrite.

    ended: how the attempt ends, on record in the same instant.
    """
    dump = crash.identity.id
    directory = site / "d" / dump
    _tidy(directory)
    texts = {name: (home / REPORT / name).read_text("utf-8") for name in FILES}
    write_all(directory, texts)
    mark = revision_of(report)
    if is_recording(home / RECORDING):
        store.recordings.put(dump, home / RECORDING, mark)
    store.reports.put(
        ReportFiles(
            dump=dump, stage=stage, directory=str(directory), files=FILES,
            tool_version=report.tool.version, signatures_revision=mark,
            written=datetime.now(UTC),
        )
    )  # fmt: skip
    occurrence = occurrence_of(
        report, crash.identity, crash.found, crash.host_by(report), stage, crash.first_seen
    )
    aliases = {old: alias.of for old, alias in store.problems.aliases().items()}
    occurrence = occurrence.model_copy(update={"problem": place(occurrence, aliases)})
    store.occurrences.put(occurrence, claim, ended=ended)  # last: by it the dump is done
    return occurrence


def revision_of(report: Report) -> str:
    """By which tool and which signatures a report was made: another one may say more."""
    return f"{report.tool.version} {report.tool.signatures_revision}"


def _tidy(directory: Path) -> None:
    """What a killed scan left half written."""
    for path in _left(directory):
        with suppress(OSError):
            path.unlink()


def _left(directory: Path) -> Iterator[Path]:
    for name in FILES:
        yield from directory.glob(f".{name}.*.tmp")
