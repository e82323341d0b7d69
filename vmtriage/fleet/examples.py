"""Files to begin with: cron, systemd, kdump, nginx, and the configuration."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from vmtriage.errors import TriageError


@dataclass(frozen=True, slots=True)
class Example:
    """One file. place: where it belongs."""

    file: str
    place: str
    says: str


EXAMPLES: Mapping[str, Example] = {
    "config": Example("vmtriage.toml", "/etc/vmtriage.toml", "the configuration file"),
    "crontab": Example("crontab", "/etc/cron.d/vmtriage", "a scan every minute, by cron"),
    "service": Example(
        "vmtriage.service", "/etc/systemd/system/vmtriage.service", "the same by systemd, confined"
    ),
    "timer": Example("vmtriage.timer", "/etc/systemd/system/vmtriage.timer", "and its timer"),
    "kdump.conf": Example("kdump.conf", "/etc/kdump.conf", "dumps to an NFS share, on RHEL"),
    "kdump-tools": Example(
        "kdump-tools", "/etc/default/kdump-tools", "the same on Debian and Ubuntu"
    ),
    "nginx": Example("nginx.conf", "/etc/nginx/conf.d/vmtriage.conf", "the site, served by nginx"),
}


def text_of(name: str) -> str:
    """The file of one of EXAMPLES."""
    return (_folder() / EXAMPLES[name].file).read_text(encoding="utf-8")


def _folder() -> Traversable:
    """In the wheel, else in the repository."""
    packed = files("vmtriage") / "_examples"
    if packed.is_dir():
        return packed
    source = Path(__file__).parents[2] / "examples"
    if source.is_dir():
        return source
    raise TriageError("the examples are missing", next_step="install vmtriage again")
