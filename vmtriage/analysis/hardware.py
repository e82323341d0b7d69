"""Which machine it was: vendor, model and firmware, as the kernel's log names them.

    Hardware name: Dell Inc. PowerEdge R740/0WRPXK, BIOS 2.10.2 02/24/2021    x86, arm64, loongarch
    DMI: Dell Inc. PowerEdge R740/0WRPXK, BIOS 2.10.2 02/24/2021              the same at boot
    Pid: 7, comm: cat Not tainted 2.6.32 #1 Dell Inc. PowerEdge R610/0F0XJ6   2.6.32
    Hardware name: IBM,9009-42A POWER9 (raw) 0x4e0202 0xf000005 of:IBM,FW950.40 hv:phyp pSeries
    Hardware name: IBM 3931 A01 704 (LPAR)                                    s390x: no firmware
    Hardware name: riscv-virtio,qemu (DT)                                     a device tree
    Machine model: Raspberry Pi 4 Model B Rev 1.4                             the same at boot

Sources: drivers/firmware/dmi_scan.c (dmi_format_ids), arch/powerpc/kernel/setup-common.c
(ppc_hw_desc), arch/s390/kernel/setup.c (setup_arch_string), drivers/of/fdt.c, lib/dump_stack.c.
"""

import re
from collections import Counter
from typing import NamedTuple

from vmtriage.models.klog import KernelLog

_STARTS = ("Hardware name:", "DMI:", "Pid:", "Machine model:", "OF: fdt:")
_LINE = 1024  # characters of a line that are looked at
_LONGEST = 160  # characters kept; the kernel's own buffer has 128
# "Hardware name" is said by every oops and warning, the others once, at boot.
_SAID = re.compile(r"^(?:Hardware name|DMI|(?:OF: fdt: ?)?Machine model): +(?P<name>\S.*?)\s*$")
_OLD = re.compile(r"^Pid: \d+, comm: .{1,40} [\w.+-]+ #\d\S* (?P<name>[^\s/].*?/\S.*?)\s*$")
_DMI = re.compile(r"^(?P<name>.*), BIOS(?: (?P<firmware>.*))?$")
_POWER = re.compile(
    r"^(?P<name>.*?) \((?:raw|architected)\) 0x.*?(?: (?:of:|opal:)(?P<firmware>.*?))?"
    r"(?: hv:\S+)?(?: [\w-]+)?$"
)
_OPAL = re.compile(r"^(?P<name>.*?) 0x[0-9a-f]+ opal:(?P<firmware>\S+)(?: [\w-]+)?$")
# A board maker that filled in nothing.
_BLANK = re.compile(
    r"^(?:(?:To be filled by O\.?E\.?M\.?|System manufacturer|System Product Name|Default string"
    r"|Not Specified|None)[ /]*)+$", re.IGNORECASE,
)  # fmt: skip


class Machine(NamedTuple):
    """Make and model, and the firmware's version. None: the log does not say."""

    hardware: str | None = None
    firmware: str | None = None


def machine_of(log: KernelLog | None) -> Machine:
    """By the lines of the log that name it; where they differ (one was cut), by most of them."""
    said: Counter[str] = Counter()
    for record in log.records if log else ():
        text = record.text[:_LINE].strip()
        if text.startswith(_STARTS) and (found := _SAID.match(text) or _OLD.match(text)):
            said[found["name"]] += 1
    return machine_named(said.most_common(1)[0][0]) if said else Machine()


def machine_named(text: str) -> Machine:
    """The machine of such a name, without what differs from boot to boot."""
    for form in (_DMI, _OPAL, _POWER):
        if found := form.match(text):
            return Machine(_plain(found["name"]), _plain(found["firmware"] or ""))
    return Machine(_plain(text.removesuffix("(DT)")))


def _plain(text: str) -> str | None:
    words = " ".join(text.split()).strip(" /,")[:_LONGEST]
    return None if not words or _BLANK.match(words) else words
