"""The command line: arguments in, one call, an exit code out. Nothing is decided here."""

import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, TextIO

import click

from vmtriage import __version__
from vmtriage.cli.check import check
from vmtriage.cli.common import (
    as_severe,
    crash_option,
    debuginfo_dir_option,
    fail_on_option,
    knowledge_of,
    no_fetch_option,
    pack_option,
    settings_of,
    signatures_option,
)
from vmtriage.cli.config import config as config_group
from vmtriage.cli.example import example
from vmtriage.cli.listen import listen
from vmtriage.cli.log import log
from vmtriage.cli.namelist import namelist
from vmtriage.cli.scan import scan
from vmtriage.cli.signatures import signatures as signatures_group
from vmtriage.cli.store import store_group
from vmtriage.errors import TriageError

if TYPE_CHECKING:
    from vmtriage.models.conditions import Rung
    from vmtriage.session.base import Progress

# Heavy modules are imported inside the commands: crash is started first and reads the dump
# while Python still loads what will be needed later.

_FORMATS = ("md", "html", "json", "text")


class _Group(click.Group):
    """Turns our errors into one clear message and the contract's exit code."""

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except TriageError as error:
            _fail(error)
        except BrokenPipeError:
            sys.exit(0)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except Exception as error:
            if ctx.params.get("debug"):
                raise
            _fail(
                TriageError(
                    f"vmtriage broke: {type(error).__name__}: {error}",
                    next_step="this is a bug of vmtriage: run again with `vmtriage --debug ...`"
                    " and send what it prints",
                )
            )


def _fail(error: TriageError) -> NoReturn:
    click.echo(f"vmtriage: {error}", err=True)
    sys.exit(error.exit_code)


def _fail_after(rung: "Rung") -> NoReturn:
    """Nothing of the crash could be read: cron has to see that, though there is a report."""
    first = rung.tried[0]
    click.echo(
        f"vmtriage: {first.reason}; nor is there a kernel log\n  {first.next_step}", err=True
    )
    sys.exit(rung.exit_code)


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="vmtriage")
@click.option("--debug", is_flag=True, help="Show the Python traceback of an internal error.")
def main(debug: bool) -> None:
    """Say what killed a Linux server, who brought it about, and which kernel fixes it.

    \b
    vmtriage analyze /var/crash/HOST-DATE/vmcore          finds the vmlinux itself
    vmtriage analyze vmcore --vmlinux vmlinux -o report/  writes report.md, .html, .json
    vmtriage analyze recorded-session/                    replays what --record wrote
    vmtriage log dmesg.txt | journalctl -k | vmtriage log -   a kernel log, without any dump

    Exit codes: 0 report written, whatever it found; 2 usage; 65 not a dump or unreadable;
    66 input or debuginfo missing; 69 crash(8) missing or died, or no port to listen on;
    70 a bug of vmtriage; 75 try again (timeout, no space); 78 bad signature or config.
    With --fail-on: 1.
    """


@main.command()
@click.argument("vmcore", type=click.Path(path_type=Path), nargs=-1, required=True)
@click.option(
    "--vmlinux",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="vmlinux with debuginfo, its package, or a directory that has it. Left out: found by"
    " release and build-id.",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Write report.md, report.html and report.json into DIR.",
)
@click.option(
    "--format",
    "formats",
    multiple=True,
    type=click.Choice(_FORMATS),
    help="With -o: only these files. Without -o: print this form to the terminal."
    "  [default: all with -o, text without]",
)
@click.option(
    "--record",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Keep crash's raw outputs in DIR; `analyze DIR` replays them anywhere.",
)
@crash_option
@debuginfo_dir_option
@no_fetch_option
@click.option(
    "--no-slim",
    is_flag=True,
    help="Let crash read the vmlinux itself, not a slim namelist of it: ten times slower.",
)
@click.option(
    "--allow-mismatch",
    is_flag=True,
    help="Go on with a vmlinux of another build. Nothing in the report can be trusted then.",
)
@signatures_option
@pack_option
@fail_on_option
@click.option(
    "--quick",
    is_flag=True,
    help="Only what every dump is asked: no further questions about tasks, locks and groups.",
)
@click.option(
    "--log-only",
    is_flag=True,
    help="The kernel log of the dump, or beside it: an answer in a second, without crash, vmlinux"
    " and all that they tell.",
)
@click.option("-q", "--quiet", is_flag=True, help="No progress on the terminal.")
def analyze(
    vmcore: tuple[Path, ...], vmlinux: Path | None, output: Path | None, formats: tuple[str, ...],
    record: Path | None, crash: str | None, debuginfo_dirs: tuple[Path, ...],
    no_fetch: bool, no_slim: bool, allow_mismatch: bool,
    signatures: Path | None, packs: tuple[Path, ...], fail_on: str | None, quick: bool,
    log_only: bool, quiet: bool,
) -> None:  # fmt: skip
    """From VMCORE to a verdict that names the culprit.

    VMCORE is a dump (kdump, flattened, ELF), the directory kdump left it in, a directory written
    by --record, a crash(8) session pasted into a text file, or a kernel log. Several are the parts
    of one dump, as makedumpfile --split wrote them.
    """
    from vmtriage.pipeline.opening import Request, open_input

    if log_only and (vmlinux or crash):
        raise click.UsageError("--log-only runs no crash: leave out --vmlinux and --crash")
    settings = settings_of(signatures, packs, crash)
    # A `timeout` around us ends us as Ctrl-C does: crash is killed, its scratch removed.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with _progress(quiet) as progress:
        request = Request(
            vmcore[0], vmlinux, record, debuginfo_dirs, not no_fetch, allow_mismatch,
            not no_slim, vmcore[1:], quick, log_only,
        )  # fmt: skip
        opened = open_input(request, settings, progress)
        for problem in opened.problems:
            if problem.kind == "build_id_mismatch":
                line = "\r\033[K" if sys.stderr.isatty() else ""
                click.echo(f"{line}vmtriage: WARNING: {problem.message}", err=True)
        try:
            from vmtriage.pipeline.triage import triage
            from vmtriage.report.forms import RENDERERS, prepare, terminal_summary, write

            prepare(settings.cache_dir)
            report = triage(opened, knowledge_of(settings), settings.raw_output_bytes)
        finally:
            opened.close()
        progress("writing the report")
        files = write(report, output, formats or ("md", "html", "json")) if output else ()
    if output or not formats:
        click.echo(terminal_summary(report, files), nl=False)
    else:
        for form in formats:
            click.echo(RENDERERS[form](report), nl=False)
    if report.rung and report.rung.exit_code:
        _fail_after(report.rung)
    if fail_on and as_severe(report.verdict.severity, fail_on):
        sys.exit(1)


@main.command()
@click.argument("command")
@click.argument(
    "file", type=click.File("r", encoding="utf-8", errors="backslashreplace"), default="-"
)
def parse(command: str, file: TextIO) -> None:
    """Print one crash command's output as typed JSON.

    COMMAND is as typed in crash: sys, set, bt, "bt -a", runq, "runq -g", "runq -t", "kmem -i",
    "kmem -s", "kmem -V", log, ps, "ps -m", "mod -t". FILE is its output, or a whole session
    pasted from a terminal; - is standard input.
    """
    from vmtriage.pipeline.parsing import parse_text

    click.echo(parse_text(command, file.read()).model_dump_json(indent=1))


for _command in (log, signatures_group, namelist, scan, config_group, check, example, listen,
                 store_group):  # fmt: skip
    main.add_command(_command)


class _progress:
    """One line on a terminal that says what is going on; silent in cron."""

    def __init__(self, quiet: bool) -> None:
        self._shown = not quiet and sys.stderr.isatty()
        self._began = time.monotonic()

    def __enter__(self) -> "Progress":
        return self._say

    def _say(self, text: str) -> None:
        if self._shown:
            elapsed = time.monotonic() - self._began
            click.echo(f"\r\033[K{elapsed:5.1f} s  {text[:70]}", err=True, nl=False)

    def __exit__(self, *_: object) -> None:
        if self._shown:
            click.echo("\r\033[K", err=True, nl=False)
