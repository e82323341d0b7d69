"""`vmtriage config`: the configuration file of `scan` and `listen`."""

from pathlib import Path

import click


@click.group()
def config() -> None:
    """The configuration file of `scan` and `listen`."""


@config.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False), required=False)
@click.option(
    "--config",
    "named",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="The same as FILE.",
)
def check(file: Path | None, named: Path | None) -> None:
    """Check FILE: every mistake with its line; exit 78 if there is one.

    FILE is /etc/vmtriage.toml if it is not told. Secrets that cannot be read here are warned of:
    a service may have another environment than this shell.
    """
    from vmtriage.fleet.config.model import DEFAULT
    from vmtriage.fleet.config.read import read
    from vmtriage.fleet.config.sources import unreadable, wrong_files

    if file is not None and named is not None and file != named:
        raise click.UsageError("one file at a time: FILE or --config")
    path = file or named or DEFAULT
    told = read(path)
    wrong_files(told, path)
    for line in unreadable(told):
        click.echo(f"vmtriage: WARNING: {path}: {line}", err=True)
    count = (len(told.notifiers), len(told.routes))
    words = [f"{n} {word}{'' if n == 1 else 's'}" for n, word in zip(count, ("notifier", "route"),
             strict=True)]  # fmt: skip
    click.echo(f"{path}: sound, {', '.join(words)}")
