"""What every command needs: settings, and the knowledge base they name."""

from pathlib import Path
from typing import TYPE_CHECKING

import click
from pydantic import ValidationError

from vmtriage.errors import BadSetting
from vmtriage.settings import Settings

if TYPE_CHECKING:
    from vmtriage.analysis.knowledge import Knowledge

SEVERITIES = ("panic", "serious", "notable", "noise")  # the gravest first

signatures_option = click.option(
    "--signatures",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Knowledge base to use instead of the bundled one.",
)
pack_option = click.option(
    "--pack",
    "packs",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="More signatures, beside the others. May be repeated.",
)
crash_option = click.option(
    "--crash", metavar="PATH", help="crash(8) to use.  [env: VMTRIAGE_CRASH]"
)
debuginfo_dir_option = click.option(
    "--debuginfo-dir",
    "debuginfo_dirs",
    multiple=True,
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Look here for a vmlinux, or for the package that has it, first.",
)
no_fetch_option = click.option(
    "--no-fetch",
    is_flag=True,
    help="Never fetch a vmlinux from debuginfod or by VMTRIAGE_DEBUGINFO_COMMAND.",
)
fail_on_option = click.option(
    "--fail-on",
    type=click.Choice(SEVERITIES),
    metavar="SEVERITY",
    help="Exit 1 if it is at least this severe: panic, serious, notable, noise.",
)


def as_severe(severity: str, limit: str) -> bool:
    """Whether a severity is at least the limit."""
    return SEVERITIES.index(severity) <= SEVERITIES.index(limit)


def settings_of(
    signatures: Path | None = None, packs: tuple[Path, ...] = (), crash: str | None = None
) -> Settings:
    """The environment's settings; options win, packs add up."""
    try:
        settings = Settings.from_environment()
    except ValidationError as error:
        first = error.errors()[0]
        name = f"VMTRIAGE_{'_'.join(map(str, first['loc'])).upper()}"
        raise BadSetting(
            f"{name}={first['input']!r}: {first['msg']}", next_step=f"correct or unset {name}"
        ) from error
    update = {"crash": crash, "signatures": signatures, "packs": (*settings.packs, *packs)}
    return settings.model_copy(update={key: each for key, each in update.items() if each})


def knowledge_of(settings: Settings) -> "Knowledge":
    """The knowledge base these settings name."""
    from vmtriage.analysis.knowledge import Knowledge
    from vmtriage.analysis.signatures import load

    return Knowledge(load(settings.signatures, settings.packs, settings.cache_dir))
