"""The one cheap look at every datagram: is there a line that an incident begins with?"""

import re
from collections.abc import Callable, Iterable

import re2

from vmtriage.analysis.klog.formats import FORMATS
from vmtriage.analysis.klog.heads import lossy

# a line begins here even behind a level, a stamp and a caller
_START = r"(?m:^)(?:<[0-9]+>)?(?:\[ *[0-9]+\.[0-9]+\] ?)?(?:\[ *[TC][0-9]+\] ?)?"
_ALWAYS = (r"Kernel panic", r"Oops: ", r"---\[ end ")


def searcher(more: Iterable[str] = ()) -> Callable[[bytes], object]:
    """A search in one pass for every message form we know, and for more patterns."""
    patterns = (*_ALWAYS, *(lossy(each.pattern) for each in FORMATS), *more)
    options = re2.Options()
    options.never_capture = True
    options.encoding = re2.Options.Encoding.LATIN1
    joined = "|".join(f"(?:{_prepared(pattern)})" for pattern in patterns)
    search: Callable[[bytes], object] = re2.compile(joined.encode("latin-1"), options).search
    return search


def _prepared(pattern: str) -> str:
    unnamed = re.sub(r"\(\?P<\w+>", "(?:", pattern)  # two forms may use one name
    return re.sub(r"(?<![\\\[])\^", lambda _: _START, unnamed)
