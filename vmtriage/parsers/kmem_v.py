"""`kmem -V`: the kernel's page counters and events, under the names of its enums.

Sample::

      VM_ZONE_STAT:
                 NR_FREE_PAGES: 111131
         NR_ZONE_INACTIVE_ANON: 1580

      VM_EVENT_STATES:
                        PGPGIN: 20480
"""

import re

from vmtriage.models.memory import VmCounter, VmStat
from vmtriage.parsers._lines import Line, split_lines
from vmtriage.parsers._notes import Notes

COMMAND = "kmem -V"

_SECTION = re.compile(r"\s*(VM_[A-Z]{1,20}(?:_[A-Z]{1,20})*|PAGE_STATES):\s*")
_COUNTER = re.compile(r"\s*(\w{1,80}): *(-?[0-9]{1,20})\s*", re.ASCII)


def parse(text: str) -> VmStat:
    """Read the output of `kmem -V`; values in pages or counts."""
    notes = Notes(COMMAND)
    counters: list[VmCounter] = []
    section: str | None = None
    bare: Line | None = None
    for line in split_lines(text):
        if match := _SECTION.fullmatch(line.text):
            section, bare = match[1], line
        elif section and (match := _COUNTER.fullmatch(line.text)):
            name, value, bare = match[1], int(match[2]), None
            counters.append(VmCounter(section=section, name=name, value=value, line=line.number))
        else:
            notes.unfit(line)
    if section is None:
        notes.fail("section of counters")
    notes.bare([bare] if bare else [])
    return VmStat(counters=tuple(counters), notes=notes.all())
