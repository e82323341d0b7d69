"""`vmtriage listen`: its options, and the signals that end it."""

import re
import shlex
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import click

from vmtriage.cli.common import SEVERITIES, pack_option, settings_of, signatures_option

if TYPE_CHECKING:
    from vmtriage.fleet.config.model import Config
    from vmtriage.fleet.listen.receive import Bind
    from vmtriage.fleet.listen.routed import Routed
    from vmtriage.fleet.listen.rules import Rules


@click.command()
@click.option(
    "--bind",
    "binds",
    multiple=True,
    metavar="ADDR:PORT",
    help="Listen here; may be repeated. IPv6: [::1]:6666.  [default: all addresses, port 6666]",
)
@click.option(
    "--notify",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Whom to tell what (YAML). Without it: events of --severity as JSON on standard output.",
)
@click.option(
    "--config",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Notifiers and routes (TOML), the same as of `vmtriage scan`. Other options win.",
)
@click.option(
    "--exec",
    "command",
    metavar="CMD",
    help="Run CMD for every event, the event as JSON on its standard input, and print none. CMD is"
    " split as a shell would, but no shell is run.",
)
@click.option(
    "--severity",
    type=click.Choice(SEVERITIES),
    default="serious",
    show_default=True,
    help="The least severe event that standard output and --exec get.",
)
@click.option(
    "--names",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Host names, `ADDRESS NAME` a line as in /etc/hosts; read again when it changes. Other"
    " addresses are looked up in DNS, in the background.",
)
@click.option("--no-dns", is_flag=True, help="Never ask DNS.")
@click.option(
    "--log-dir",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Keep all that is received, one file per host; `vmtriage analyze` reads them.",
)
@click.option(
    "--log-size", type=click.IntRange(4096), default=10_000_000, show_default=True,
    metavar="BYTES", help="Rotate a host's file at this size; four old ones stay.",
)  # fmt: skip
@click.option(
    "--quiet-time", type=click.FloatRange(0.05, 600), default=2.0, show_default=True,
    metavar="SECONDS", help="A host silent for so long has told its whole incident.",
)  # fmt: skip
@click.option(
    "--rate", default="3/300", show_default=True, metavar="N/SECONDS",
    help="Tell one problem at most N times in so many seconds, over all hosts; the rest is told as"
    " one summary when they are over.",
)  # fmt: skip
@click.option(
    "--host-rate", type=click.IntRange(1), default=10, show_default=True, metavar="N",
    help="Tell of one host at most N events in the seconds of --rate.",
)  # fmt: skip
@click.option(
    "--max-hosts", type=click.IntRange(1), default=4096, show_default=True, metavar="N",
    help="Hosts remembered; then the one heard of least lately is forgotten.",
)  # fmt: skip
@signatures_option
@pack_option
@click.option(
    "--for", "seconds", type=click.FloatRange(0, min_open=True), metavar="SECONDS",
    help="End after so long.",
)  # fmt: skip
@click.option(
    "--check-config",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Only check a --notify FILE; exit 78 if it is wrong.",
)
def listen(
    binds: tuple[str, ...], notify: Path | None, config: Path | None, command: str | None,
    severity: str, names: Path | None, no_dns: bool, log_dir: Path | None, log_size: int,
    quiet_time: float, rate: str, host_rate: int, max_hosts: int,
    signatures: Path | None, packs: tuple[Path, ...],
    seconds: float | None, check_config: Path | None,
) -> None:  # fmt: skip
    """Receive kernel logs by netconsole and tell of every crash while it happens.

    \b
    vmtriage listen                                  JSON lines on standard output
    vmtriage listen --exec /usr/local/bin/page-me    a program for every event
    vmtriage listen --config /etc/vmtriage.toml      tickets and alerts, as of vmtriage scan
    vmtriage listen --notify /etc/vmtriage.yaml --names /etc/hosts --log-dir /var/log/netconsole

    A sender needs: modprobe netconsole netconsole=+@/eth0,6666@LISTENER/ and dmesg -n 8. Both
    formats are read; the extended one (+) shows what was lost and puts it in order. SIGTERM and
    Ctrl-C tell what is left and end it with a summary, exit code 0.

    The events come from the network, and UDP has no sender one could trust: allow the port for
    your own machines only.
    """
    from vmtriage.fleet.listen import rules as whom
    from vmtriage.fleet.listen.assess import Engine
    from vmtriage.fleet.listen.limit import Rate
    from vmtriage.fleet.listen.names import ask_dns
    from vmtriage.fleet.listen.service import Listener, Options
    from vmtriage.fleet.listen.window import Limits
    from vmtriage.pipeline.logs import log_reader

    if check_config is not None:
        count = len(whom.read(check_config).notify)
        click.echo(f"{check_config}: {count} rule{'s' if count > 1 else ''}, all sound")
        return
    argv = _split(command)
    where = tuple(_bind(text) for text in binds)
    times, period = _rate(rate)
    settings = settings_of(signatures, packs)
    base = (settings.signatures, settings.packs, settings.cache_dir)
    reader = log_reader(*base)
    _ = reader.knowledge  # a mistake in it is told now, not by the process that assesses
    if config is not None:
        if notify is not None or argv is not None:
            raise click.UsageError("--config has notifiers: leave out --notify and --exec")
        told = _configured(config)
        where = where or tuple(_bind(text) for text in told.listen.bind)
        names, log_dir = names or told.hosts, log_dir or told.listen.log_dir
        log_size = log_size if _chosen("log_size") else told.listen.log_size
        quiet_time = quiet_time if _chosen("quiet_time") else told.listen.quiet_time_s
        routed = _routed(told)
    else:
        routed = None
    options = Options(
        rules=routed or _rules(notify, argv, severity), binds=where, names=names,
        resolve=None if no_dns else ask_dns, rate=Rate(times, host_rate, period),
        wanted=reader.watch.patterns, log_dir=log_dir, log_size=log_size,
        limits=Limits(quiet_s=quiet_time, dying_s=min(0.5, quiet_time), hosts=max_hosts),
        seconds=seconds,
    )  # fmt: skip
    listener = Listener(options, Engine(*base), notifiers=routed.notifiers if routed else None)
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, lambda *_: listener.stop())
    listener.run()


def _chosen(name: str) -> bool:
    """Whether the user said it, and not the default."""
    source = click.get_current_context().get_parameter_source(name)
    return source is not click.core.ParameterSource.DEFAULT


def _configured(path: Path) -> "Config":
    from vmtriage.fleet.config.read import read
    from vmtriage.fleet.config.sources import wrong_files

    told = read(path)
    wrong_files(told, path)
    return told


def _routed(told: "Config") -> "Routed | None":
    """Its notifiers; None: it has none, and standard output is told."""
    from vmtriage.fleet.listen.routed import Routed
    from vmtriage.fleet.notify.make import desk
    from vmtriage.fleet.notify.records import MemoryRecords

    return Routed(desk(told, MemoryRecords()), told.base_url) if told.notifiers else None


def _rules(notify: Path | None, command: tuple[str, ...] | None, severity: str) -> "Rules":
    from vmtriage.fleet.listen.rules import Rule, Rules, read

    told = read(notify).notify if notify is not None else ()
    chosen = {"severities": SEVERITIES[: SEVERITIES.index(severity) + 1]}
    if command is not None:
        told = (*told, Rule.model_validate({"exec": command, **chosen}))
    if not told:
        told = (Rule.model_validate({"stdout": True, **chosen}),)
    return Rules(notify=told)


def _bind(text: str) -> "Bind":
    from vmtriage.fleet.listen.receive import Bind

    try:
        return Bind.of(text)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--bind") from None


def _split(command: str | None) -> tuple[str, ...] | None:
    if command is None:
        return None
    try:
        words = tuple(shlex.split(command))
    except ValueError as error:
        raise click.BadParameter(f"{command!r}: {error}", param_hint="--exec") from None
    if not words:
        raise click.BadParameter("no command", param_hint="--exec")
    return words


def _rate(text: str) -> tuple[int, float]:
    found = re.fullmatch(r"([1-9][0-9]{0,6})/([0-9]{1,7}(?:\.[0-9]{1,3})?)", text)
    if not found or float(found[2]) == 0:
        raise click.BadParameter(f"{text!r}: write times/seconds: 3/300", param_hint="--rate")
    return int(found[1]), float(found[2])
