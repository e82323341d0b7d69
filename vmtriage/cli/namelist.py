"""`vmtriage namelist`: slim namelists for crash(8), made of the types the kernel carries."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from vmtriage.cli.common import settings_of
from vmtriage.errors import BadSetting, CannotWrite, NoInput, SessionError

if TYPE_CHECKING:
    from vmtriage.namelist.adaptations import Adaptation
    from vmtriage.namelist.cache import Card, Kept, NamelistCache
    from vmtriage.namelist.ensure import Namelist
    from vmtriage.source.surplus import Cached

_MEGABYTE = 1 << 20


@click.group()
def namelist() -> None:
    """Namelists that crash(8) opens in half a second, and that need no debuginfo package.

    \b
    vmtriage namelist build /usr/lib/debug/boot/vmlinux-6.1.0-56-amd64
    vmtriage namelist build /var/crash/HOST-DATE/vmcore -o slim     nothing but the dump
    crash slim /var/crash/HOST-DATE/vmcore

    A namelist made here has all types of the kernel (from its BTF), its symbols, and the types of
    the variables crash asks for. One made of a dump has the types of the modules that were loaded,
    too (of a vmlinux or vmlinuz: the kernel's alone): a name that a module uses otherwise than the
    kernel, or than another module, is told as NAME__MODULE. It has no line numbers and no local
    variables: where you need `bt -l` or `dis -s`, give crash the vmlinux of the debuginfo package.
    """


@namelist.command()
@click.argument("source", metavar="VMLINUX|VMLINUZ|VMCORE", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write it here.  [default: into the cache, whose path is printed]",
)
@click.option(
    "--crash",
    metavar="PATH",
    help="Adapt types for this crash(8) where it is too old for the kernel.  [env: VMTRIAGE_CRASH]",
)
def build(source: Path, output: Path | None, crash: str | None) -> None:
    """Make one of a kernel with BTF (Linux 5.2 and newer; most distributions' since 2020).

    SOURCE is told by its content: a vmlinux with or without debuginfo, a vmlinuz as in /boot, or a
    dump (kernels since 6.0 describe their symbols in it). One that is cached already is not made
    again.
    """
    import tempfile

    from vmtriage.namelist.choose import wanted_of
    from vmtriage.namelist.ensure import Wanted, ensure, make

    settings = settings_of(crash=crash)
    wanted: Wanted = wanted_of(source, _version(settings.crash, crash is not None))
    if output is None and settings.cache_dir is None:
        raise BadSetting("VMTRIAGE_CACHE_DIR is empty", next_step="say where with -o FILE")
    if output is not None:
        from vmtriage.namelist.adaptations import needed_by

        card = _written(output, lambda path: make(wanted, path, needed_by(wanted.crash_version)))
        click.echo(f"{output}")
        click.echo(f"made of the {card.made_from} in {card.seconds:.1f} s", err=True)
        _say_adapted([e for e in needed_by(wanted.crash_version) if e.name in card.adapted])
        _say_modules(card)
        return
    with tempfile.TemporaryDirectory(prefix="vmtriage-") as scratch:
        found = ensure(wanted, Path(scratch), settings.cache_dir)
        if found.path.is_relative_to(scratch):
            raise CannotWrite(
                f"{settings.cache_dir} cannot be written or the kernel has no build-id",
                next_step="say where with -o FILE",
            )
    click.echo(f"{found.path}")
    how = "was cached" if found.cached else f"made of the {found.made_from}"
    click.echo(f"{how} in {found.seconds:.1f} s", err=True)
    _say_adapted(found.adapted)
    _say_modules(found)


@namelist.command("list")
def list_namelists() -> None:
    """One line per cached namelist: build-id, release, made of, size, last use.

    Behind them each vmlinux that was unpacked or fetched, and is kept.
    """
    from vmtriage.source.debuginfo import pruning

    for each in _cache().kept():
        click.echo(_line(each))
    for one in pruning.kept(_directory() / pruning.FOLDER):
        click.echo(_line_of_vmlinux(one))


@namelist.command()
@click.argument("identifier", metavar="ID")
def show(identifier: str) -> None:
    """All about the cached namelists whose build-id begins with ID, as JSON lines."""
    found = [each for each in _cache().kept() if Path(each.path).name.startswith(identifier)]
    if not found:
        raise NoInput(f"no cached namelist {identifier!r}", next_step="see: vmtriage namelist list")
    for each in found:
        click.echo(each.model_dump_json(indent=1))


@namelist.command()
@click.option("--limit", type=click.IntRange(0), default=2048, show_default=True, metavar="MB",
              help="Keep so many megabytes, the last used first; 0 removes all.")  # fmt: skip
@click.option("--debuginfo-limit", type=click.IntRange(0), default=8192, show_default=True,
              metavar="MB", help="The same for what was unpacked or fetched.")  # fmt: skip
def prune(limit: int, debuginfo_limit: int) -> None:
    """Remove damaged namelists and those not used for longest, and kept debuginfo likewise."""
    from vmtriage.source.debuginfo import pruning

    removed = _cache().prune(limit * _MEGABYTE)
    for each in removed:
        click.echo(_line(each))
    files = pruning.prune(_directory() / pruning.FOLDER, debuginfo_limit * _MEGABYTE)
    for one in files:
        click.echo(_line_of_vmlinux(one))
    size = (sum(each.bytes for each in removed) + sum(one.bytes for one in files)) / _MEGABYTE
    click.echo(f"{len(removed) + len(files) or 'none'} removed, {size:.0f} MB", err=True)


def _cache() -> "NamelistCache":
    from vmtriage.namelist.cache import NamelistCache

    return NamelistCache(_directory())


def _directory() -> Path:
    directory = settings_of().cache_dir
    if directory is None:
        raise BadSetting(
            "VMTRIAGE_CACHE_DIR is empty: there is no cache",
            next_step="unset it or name a directory",
        )
    return directory


def _line_of_vmlinux(each: "Cached") -> str:
    """`vmlinux-of-...` is one without a build-id; .debug and .stripped are halves."""
    size = f"{each.bytes / _MEGABYTE:5.1f} MB"
    return f"{each.path.name}  {size}  {_used(each.last_used)}"


def _used(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M")


def _line(each: "Kept") -> str:
    used = _used(each.last_used)
    size = f"{each.bytes / _MEGABYTE:5.1f} MB"
    if each.card is None:
        return f"{Path(each.path).name:40}  damaged  {size}  {used}"
    card = each.card
    adapted = f"  adapted: {', '.join(card.adapted)}" if card.adapted else ""
    told = f"{card.build_id}  {card.release or '?':32} {card.made_from:7}"
    modules = f"  with {card.modules} modules" if card.modules else ""
    return f"{told} {size}  {used}{modules}{adapted}"


def _version(crash: str, asked: bool) -> str | None:
    """The crash's version; None where it is not there and nobody asked for it."""
    import tempfile

    from vmtriage.session.child import find_crash, version_of

    try:
        path = find_crash(crash)
    except SessionError:
        if asked:
            raise
        return None
    with tempfile.TemporaryDirectory(prefix="vmtriage-") as home:
        return version_of([str(path)], Path(home))


def _written(output: Path, write: "Callable[[Path], Card]") -> "Card":
    """Whole or not at all."""
    part = output.with_name(f".{output.name}.part")
    try:
        made = write(part)
        part.replace(output)
    except OSError as error:
        raise CannotWrite(
            f"cannot write {output}: {error.strerror}", next_step="give a path you may write"
        ) from error
    finally:
        part.unlink(missing_ok=True)
    return made


def _say_modules(made: "Card | Namelist") -> None:
    if made.modules:
        click.echo(f"with the types of {made.modules} modules", err=True)
    if made.left_out:
        click.echo(f"without the types of {made.left_out}", err=True)


def _say_adapted(adaptations: "Sequence[Adaptation]") -> None:
    for each in adaptations:
        click.echo(f"adapted struct {each.struct}: {each.why}", err=True)
