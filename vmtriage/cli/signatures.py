"""`vmtriage signatures`: look at the knowledge base, check it, add to it."""

import sys
from pathlib import Path

import click

from vmtriage.cli.common import knowledge_of, pack_option, settings_of, signatures_option

_DIRECTORIES = click.option(
    "--signatures",
    "--pack",
    "directories",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Signatures of your own, taken together with the bundled ones. May be repeated.",
)


@click.group()
def signatures() -> None:
    """The knowledge base of known bugs."""


@signatures.command("list")
@signatures_option
@pack_option
def list_signatures(signatures: Path | None, packs: tuple[Path, ...]) -> None:
    """One line per signature: id, status, title."""
    for known in knowledge_of(settings_of(signatures, packs)).signatures:
        click.echo(f"{known.id:38} {known.status:7} {known.title}")


@signatures.command()
@click.argument("identifier", metavar="ID")
@signatures_option
@pack_option
def show(identifier: str, signatures: Path | None, packs: tuple[Path, ...]) -> None:
    """One signature in full, as JSON."""
    known = knowledge_of(settings_of(signatures, packs)).signatures
    found = next((each for each in known if each.id == identifier), None)
    if found is None:
        raise click.UsageError(f"no signature {identifier!r}; see: vmtriage signatures list")
    click.echo(found.model_dump_json(indent=1))


@signatures.command("lint")
@click.argument("more", metavar="[DIR]...", nargs=-1, type=click.Path(path_type=Path))
@_DIRECTORIES
def lint_signatures(more: tuple[Path, ...], directories: tuple[Path, ...]) -> None:
    """Check every signature and its samples; messages name file and line. Exit 78 on errors."""
    from vmtriage.analysis.lint import lint

    messages = lint((*directories, *more))
    for message in messages:
        click.echo(message, err=True)
    if messages:
        sys.exit(78)
    click.echo("all signatures are sound")


@signatures.command("test")
@click.argument("identifiers", metavar="[ID]...", nargs=-1)
@_DIRECTORIES
def test_signatures(identifiers: tuple[str, ...], directories: tuple[Path, ...]) -> None:
    """Try every sample: each hit is caught by exactly its signature, no miss is. Exit 78 if not.

    With --signatures your own are tested, beside the bundled ones: a sample of yours that a
    bundled signature catches fails, and so does the other way round.
    """
    from vmtriage.analysis.samples import check

    tried = check(directories, identifiers)
    for failure in tried.failures:
        click.echo(failure, err=True)
    said = f"{tried.signatures} signatures, {tried.hits} hits, {tried.misses} misses"
    click.echo(f"{said}: {len(tried.failures) or 'none'} failed")
    if tried.failures:
        sys.exit(78)


@signatures.command("new")
@click.option(
    "--from",
    "report",
    required=True,
    type=click.Path(path_type=Path),
    metavar="REPORT",
    help="The report.json of the crash.",
)
@click.option(
    "-o",
    "--output",
    default=".",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Where the folder SUBSYSTEM/ID is made.  [default: the working directory]",
)
@click.option("--id", "identifier", metavar="ID", help="Name it so.  [default: class and function]")
def new_signature(report: Path, output: Path, identifier: str | None) -> None:
    """Draft a signature, with samples, from the report of a crash nobody has described yet.

    Nothing is ever overwritten. The draft is shown by `analyze --pack DIR` at once, ranks last
    and hides no other; `signatures lint` tells what is still to be written.
    """
    from vmtriage.pipeline.drafting import draft_from

    drafted = draft_from(report, output, identifier, knowledge_of(settings_of()))
    click.echo(f"{drafted.folder}")
    for each in drafted.advice:
        click.echo(f"  {each}")


@signatures.command()
def schema() -> None:
    """Print the JSON Schema of signature.yaml, for editors."""
    from vmtriage.analysis.schema import schema_text

    click.echo(schema_text(), nl=False)
