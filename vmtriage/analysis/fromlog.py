"""When `sys` is missing: release, panic text and panic task as the kernel log tells them."""

import re

from vmtriage.models.evidence import Facts
from vmtriage.models.system import SystemInfo

_BANNER = re.compile(r"Linux version (?P<release>\S+) .*?(?P<version>#\d+.*)$")
_CUT_BANNER = re.compile(r"Linux version (?P<release>\S+) ")
# "CPU: 0 PID: 1 Comm: x Tainted: G OE 6.1.0-9-amd64 #1  Debian 6.1.27-1"
_OOPS = re.compile(
    r"(?:Tainted: [A-Z ]+|Not tainted) +\(?(?P<release>\d+\.\d+\S*) (?P<version>#\S.*?)\)?$"
)
_PANIC = re.compile(r"Kernel panic - not syncing")


def kernel_of(text: str) -> tuple[str, str] | None:
    """Release and version that a banner or an oops tells, None for any other line."""
    found = _BANNER.search(text) or _OOPS.search(text)
    return (found["release"], found["version"]) if found else None


def banner_of(text: str) -> tuple[str | None, str | None]:
    """Release and version of a banner, as far as it is whole."""
    if whole := kernel_of(text):
        return whole
    found = _CUT_BANNER.search(text)
    return found and found["release"], None


def with_log_facts(facts: Facts) -> Facts:
    """The same facts; where `sys` gave no release, the log's own words stand in."""
    if facts.log is None or (facts.system is not None and facts.system.release):
        return facts
    release = version = panic = None
    for record in facts.log.records:
        if release is None and (found := kernel_of(record.text)):
            release, version = found
        if panic is None and _PANIC.search(record.text):
            panic = record.text.strip()
    base = facts.system or SystemInfo()
    update = {"release": release, "version": version, "panic": base.panic or panic}
    return facts.model_copy(update={"system": base.model_copy(update=update)})
