"""When `sys` is missing: release, panic text and panic task as the kernel log tells them."""

import re

from vmtriage.models.evidence import Facts
from vmtriage.models.system import SystemInfo

_BANNER = re.compile(r"Linux version (?P<release>\S+) .*?(?P<version>#\d+.*)$")
# "CPU: 0 PID: 1 Comm: x Tainted: G OE 6.1.0-9-amd64 #1  Debian 6.1.27-1"
_OOPS = re.compile(
    r"(?:Tainted: [A-Z ]+|Not tainted) +\(?(?P<release>\d+\.\d+\S*) (?P<version>#\S.*?)\)?$"
)
_PANIC = re.compile(r"Kernel panic - not syncing")


def with_log_facts(facts: Facts) -> Facts:
    """The same facts; where `sys` gave no release, the log's own words stand in."""
    if facts.log is None or (facts.system is not None and facts.system.release):
        return facts
    release = version = panic = None
    for record in facts.log.records:
        found = _BANNER.search(record.text) or _OOPS.search(record.text)
        if found and release is None:
            release, version = found["release"], found["version"]
        if panic is None and _PANIC.search(record.text):
            panic = record.text.strip()
    base = facts.system or SystemInfo()
    update = {"release": release, "version": version, "panic": base.panic or panic}
    return facts.model_copy(update={"system": base.model_copy(update=update)})
