"""When `sys` is missing: release and panic text as the kernel log tells them."""

import re

from vmtriage.models.evidence import Facts
from vmtriage.models.klog import LogRecord
from vmtriage.models.system import SystemInfo

_BANNER = re.compile(r"Linux version (?P<release>\S+) .*?(?P<version>#\d+.*)$")
_CUT_BANNER = re.compile(r"Linux version (?P<release>\S+) ")
# "CPU: 0 PID: 1 Comm: x Tainted: G OE 6.1.0-9-amd64 #1  Debian 6.1.27-1"
_OOPS = re.compile(
    r"(?:Tainted: [A-Z ]+|Not tainted) +\(?(?P<release>\d+\.\d+\S*) (?P<version>#\S.*?)\)?$"
)
_PANIC = "Kernel panic - not syncing"


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
    if facts.system is not None and facts.system.release:
        return facts
    told = release_record(facts)
    if told is None and panic_record(facts) is None:
        return facts
    release, version = (told and kernel_of(told.text)) or (None, None)
    base = facts.system or SystemInfo()
    system = base.model_copy(update={"release": release, "version": version})
    return facts.model_copy(update={"system": system})


def release_record(facts: Facts) -> LogRecord | None:
    """The first line of the log that tells release and version."""
    records = facts.log.records if facts.log else ()
    return next((each for each in records if kernel_of(each.text)), None)


def panic_record(facts: Facts) -> LogRecord | None:
    """The log's own panic text."""
    records = facts.log.records if facts.log else ()
    return next((each for each in records if _PANIC in each.text), None)


def panic_text(facts: Facts) -> str | None:
    """The panic text by `sys`, else by the log; "" where crash found none."""
    told = facts.system.panic if facts.system else None
    if told or facts.log is None:
        return told
    record = panic_record(facts)
    return record.text.strip() if record else told
