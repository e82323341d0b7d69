"""From a report on disk to the folder of a drafted signature."""

import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from vmtriage.analysis.draft import Draft, draft
from vmtriage.analysis.knowledge import Knowledge
from vmtriage.analysis.signatures import files, home
from vmtriage.errors import BadDump, CannotWrite, NoInput


@dataclass(frozen=True)
class Drafted:
    """The folder that was made, and what is still to do."""

    folder: Path
    advice: tuple[str, ...]


class _Raw(BaseModel):
    command: str
    text: str


class _Source(BaseModel):
    """The one part of report.json a draft needs; whatever else a later version may hold."""

    model_config = ConfigDict(extra="ignore")

    raw: tuple[_Raw, ...] = ()


def draft_from(report: Path, output: Path, identifier: str | None, knowledge: Knowledge) -> Drafted:
    """Drafts a signature below `output`. An existing folder is refused, never changed."""
    folders = [path.parent for path in files(home())]
    made = draft(_raw(report), identifier, knowledge, folders)
    target = output / made.subsystem / made.id
    if target.exists():
        raise CannotWrite(f"{target} is there already", next_step="choose another name with --id")
    _write(target, made)
    return Drafted(target, made.advice)


def _raw(report: Path) -> Mapping[str, str]:
    try:
        source = _Source.model_validate_json(report.read_bytes())
    except OSError as error:
        raise NoInput(
            f"cannot read {report}: {error.strerror}",
            next_step="--from takes the report.json that `vmtriage analyze -o DIR` wrote",
        ) from error
    except ValidationError as error:
        raise BadDump(
            f"{report} is no report: {error.errors()[0]['msg']}",
            next_step="--from takes the report.json that `vmtriage analyze -o DIR` wrote",
        ) from error
    if not source.raw:
        raise BadDump(
            f"{report} holds no raw output of the crash",
            next_step="write it again with VMTRIAGE_RAW_OUTPUT_BYTES above 0",
        )
    return {each.command: each.text for each in source.raw}


def _write(target: Path, made: Draft) -> None:
    """The whole folder or nothing."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
        try:
            scratch.chmod(0o755)
            for name, text in made.files.items():
                path = scratch / name
                path.parent.mkdir(exist_ok=True)
                path.write_text(text, "utf-8", errors="backslashreplace")
            scratch.rename(target)  # fails if somebody made it in the meantime
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
    except OSError as error:
        raise CannotWrite(
            f"cannot write {target}: {error.strerror}",
            next_step="choose a directory you may write to with -o",
        ) from error
