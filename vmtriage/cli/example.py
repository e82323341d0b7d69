"""`vmtriage example`: files to begin with."""

import click


@click.command()
@click.argument("name", required=False)
def example(name: str | None) -> None:
    """Print the example NAME: vmtriage example config > /etc/vmtriage.toml

    Without NAME: which there are, and where each belongs.
    """
    from vmtriage.fleet.examples import EXAMPLES, text_of

    if name is None:
        for key, each in EXAMPLES.items():
            click.echo(f"{key:<12} {each.says:<36} {each.place}")
        return
    if name not in EXAMPLES:
        raise click.BadParameter(
            f"no such example: {name!r}; there are {', '.join(EXAMPLES)}", param_hint="NAME"
        )
    click.echo(text_of(name), nl=False)
