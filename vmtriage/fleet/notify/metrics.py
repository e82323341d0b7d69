"""Metrics for Prometheus, in a file that node_exporter's textfile collector reads."""

from pathlib import Path

from vmtriage.errors import CannotWrite
from vmtriage.fleet.notify.numbers import Numbers


def write(path: Path, told: Numbers, seconds: float | None = None) -> None:
    """Replaces the file as a whole. seconds: how long the scan took. CannotWrite."""
    from prometheus_client import CollectorRegistry, Gauge, write_to_textfile

    registry = CollectorRegistry()

    def gauge(name: str, text: str, value: float) -> None:
        Gauge(f"vmtriage_{name}", text, registry=registry).set(value)

    gauge("dumps", "Dumps found on the shares.", told.dumps)
    gauge("dumps_untriaged", "Dumps without a full report yet.", told.untriaged)
    gauge("dumps_quarantined", "Dumps given up.", told.quarantined)
    gauge("problems", "Problems with occurrences.", told.problems)
    gauge("notices_waiting", "Notices not told yet.", told.untold)
    gauge("notices_failing", "Notices that were tried and not told.", told.stuck)
    crashes = Gauge("vmtriage_occurrences", "Crashes by class.", ["class"], registry=registry)
    for name, count in sorted(told.occurrences.items()):
        crashes.labels(name).set(count)
    if told.last_scan is not None:
        when = told.last_scan.timestamp()
        gauge("last_scan_timestamp_seconds", "When a scan last came to its end.", when)
    if seconds is not None:
        gauge("scan_duration_seconds", "How long the last scan took.", seconds)
    try:
        write_to_textfile(str(path), registry)
    except OSError as error:
        raise CannotWrite(
            f"metrics {path}: {error.strerror}",
            next_step="make its directory, writable for this user",
        ) from error
