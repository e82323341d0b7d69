"""What of a scan is shown while it runs: a bar on a terminal, JSON lines in a log, else nothing."""

import sys
from types import TracebackType
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from rich.progress import TaskID

    from vmtriage.fleet.scan.happening import Happening


_NAME = 32  # of a host, in columns


class Silent:
    """For cron."""

    def __enter__(self) -> "Silent":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        """Nothing to end."""

    def tell(self, happening: "Happening") -> None:
        """See Watcher."""


class JsonLog(Silent):
    """One JSON object a line on standard output, as it happens."""

    def tell(self, happening: "Happening") -> None:
        """See Watcher."""
        sys.stdout.write(happening.model_dump_json(exclude_none=True) + "\n")
        sys.stdout.flush()


class Bars(Silent):
    """A bar for each stage, and a line for each dump, on a terminal's standard error."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeElapsedColumn,
        )

        self._progress = Progress(
            TextColumn("{task.description}"), BarColumn(20), MofNCompleteColumn(),
            TimeElapsedColumn(), TextColumn("{task.fields[now]}"),
            console=Console(stderr=True), transient=True,
        )  # fmt: skip
        self._stages: dict[str, TaskID] = {}

    def __enter__(self) -> "Bars":
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        """The terminal is as it was."""
        self._progress.stop()

    def tell(self, happening: "Happening") -> None:
        """See Watcher."""
        from rich.markup import escape

        from vmtriage.report.safe import visible

        stage = happening.stage or ""
        if happening.kind == "stage":
            for task in self._stages.values():
                self._progress.update(task, visible=False)
            words = _WORDS.get(stage, stage)
            self._stages[stage] = self._progress.add_task(words, total=happening.count, now="")
        elif happening.kind == "started" and stage in self._stages:
            now = visible(happening.host or happening.place or "")[:_NAME]
            self._progress.update(self._stages[stage], now=escape(now))
        elif happening.kind == "ended" and stage in self._stages:
            self._progress.advance(self._stages[stage])
            if happening.outcome not in ("ok", "stopped"):
                self._progress.console.print(escape(line_of(happening)), highlight=False)


_WORDS = {"log": "kernel logs", "full": "crash", "retriage": "recordings"}


def line_of(happening: "Happening") -> str:
    """One ended analysis in words."""
    from vmtriage.report.safe import visible

    where = happening.place or happening.dump or "?"
    words = f"{where}: {happening.stage}: {happening.outcome}"
    return visible(f"{words}: {happening.reason}" if happening.reason else words)


def watcher_of(log_format: str, quiet: bool) -> Silent:
    """The one that fits."""
    if log_format == "json":
        return JsonLog()
    return Bars() if sys.stderr.isatty() and not quiet else Silent()


def say(text: str) -> None:
    """A line for whoever reads cron's mail: nothing of a dump's in it can steer a terminal."""
    from vmtriage.report.safe import visible

    click.echo(f"vmtriage: {visible(text)}", err=True)
