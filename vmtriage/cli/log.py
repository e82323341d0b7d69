"""`vmtriage log`: kernel logs of any kind and size."""

import sys
from pathlib import Path

import click

from vmtriage.cli.common import (
    as_severe,
    fail_on_option,
    pack_option,
    settings_of,
    signatures_option,
)

_FORMATS = ("text", "json", "jsonl", "md", "html")


@click.command("log")
@click.argument("files", nargs=-1, required=True, metavar="FILE...|-", type=click.Path())
@click.option(
    "--format",
    "form",
    type=click.Choice(_FORMATS),
    default="text",
    show_default=True,
    help="jsonl: one object a line and file, for pipes; json: one object, or a list of them.",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Write one NAME.log.FORMAT for each log into DIR instead of printing.",
)
@signatures_option
@pack_option
@fail_on_option
def log(
    files: tuple[str, ...], form: str, output: Path | None, signatures: Path | None,
    packs: tuple[Path, ...], fail_on: str | None,
) -> None:  # fmt: skip
    """What happened, by kernel logs alone: dmesg, console, syslog, journal, netconsole.

    FILE may be of any size and form, gzip, bzip2 and xz included; - is standard input. Every crash,
    lockup, hardware and I/O error in it becomes an incident; the primary one brought the kernel
    down. Known bugs are matched, and whether the log's kernel has them.

    \b
    vmtriage log vmcore-dmesg.txt
    journalctl -k -b -1 | vmtriage log -
    vmtriage log --format jsonl /var/crash/*/vmcore-dmesg.txt | jq .primary.title
    """
    from vmtriage.pipeline.logfile import log_file
    from vmtriage.pipeline.logs import log_reader
    from vmtriage.report.logs import LOG_RENDERERS, several

    settings = settings_of(signatures, packs)
    reader = log_reader(settings.signatures, settings.packs, settings.cache_dir)
    failed = False
    kept = []
    for name in files:
        with log_file(name, sys.stdin.buffer) as source:
            report = reader.read(name, source)
        if report.primary and fail_on:
            failed = failed or as_severe(report.primary.severity, fail_on)
        if output is not None:
            from vmtriage.report.files import write_all

            stem = _stem(name, files)
            for path in write_all(output, {f"{stem}.log.{form}": LOG_RENDERERS[form](report)}):
                click.echo(path)
        elif form == "json" and len(files) > 1:
            kept.append(report)
        else:
            click.echo(LOG_RENDERERS[form](report), nl=form == "text" and name != files[-1])
    if kept:
        click.echo(several(kept), nl=False)
    if failed:
        sys.exit(1)


def _stem(name: str, files: tuple[str, ...]) -> str:
    """The log's name; its whole path where others are called the same."""
    if name == "-":
        return "stdin"
    path = Path(name)
    if sum(Path(each).name == path.name for each in files) == 1:
        return path.name
    return "-".join(part for part in path.parts if part not in ("/", ".", ".."))
