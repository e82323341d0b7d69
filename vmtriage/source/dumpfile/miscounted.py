"""Parts of a split dump in which crash would find the wrong pages, without a word.

Seen in crash 8.0.2 and 8.0.6 (read_dump_header() in diskdump.c): it counts the pages of a part in
whole words of its bitmap, 64 pages each. Where a part begins within such a word it counts some of
the part before as well, and what lies behind the first section of 4096 pages is looked for in the
place of another page. makedumpfile begins a part there only if --splitblock-size makes it.
"""

from pathlib import Path

from vmtriage.errors import TriageError
from vmtriage.source.dumpfile import kdump_header
from vmtriage.source.dumpfile.kdump import Kdump
from vmtriage.source.dumpfile.refused import open_file

_SECTION = 4096  # pages
_WORD = 64  # pages


def miscounted(*files: Path) -> Path | None:
    """The first of these files that crash would read wrong; None if there is no such."""
    return next((path for path in files if _is(path)), None)


def _is(path: Path) -> bool:
    try:
        file = open_file(path)
    except TriageError:
        return False  # whoever reads it says why it cannot be
    try:
        if file.read(0, len(kdump_header.MAGIC)) != kdump_header.MAGIC:
            return False
        header = kdump_header.parse(str(path), file)
        if not header.split or header.start_pfn % _WORD == 0:
            return False
        return _miscounts(Kdump(str(path), file, header))
    except TriageError:
        return False
    finally:
        file.close()


def _miscounts(part: Kdump) -> bool:
    below, header = part.dumped_below, part.header
    begin, end = header.start_pfn, min(header.end_pfn, part.reach)
    word = begin - begin % _WORD  # where crash begins to count
    for section in range(begin + _SECTION, end, _SECTION):
        true = below(section) - below(begin)
        counted = below(word + section - begin) - below(word)
        if counted != true and below(min(section + _SECTION, end)) > below(section):
            return True
    return False
