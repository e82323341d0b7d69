"""The order of two package versions of one line, and the branch a version belongs to."""

import re
from collections.abc import Callable
from typing import Any

from vmtriage.analysis.kernels import DEB_ORDER, RED_HAT, UPSTREAM, triple
from vmtriage.analysis.suse import suse_branch

_REBUILD = re.compile(r"~(?:bpo\d+\+\d+|\d\d\.\d\d(?:\.\d+)*)$")
_ABI_ONLY = re.compile(r"\d+\.\d+\.\d+-\d+")  # Ubuntu's uname -r; the upload stands in uname -v


def family(line: str) -> str:
    """The distribution of a line: ubuntu for ubuntu-aws."""
    return line.partition("-")[0]


def compare(line: str, left: str, right: str) -> int:
    """-1, 0 or 1: the order of two package versions of one line, as rpm or dpkg sees them."""
    if left == right:
        return 0
    # late, for univers takes 10 to 30 ms to import
    if line in ("mainline", "arch", "other"):
        a, b = _mainline_key(left), _mainline_key(right)
        return (a > b) - (a < b)
    if family(line) in DEB_ORDER:
        from univers.debian import Version

        parse: Callable[[str], Any] = Version.from_string
        if family(line) == "ubuntu":
            left, right = _same_depth(left, right)
        first, second = parse(left), parse(right)
        return int(first > second) - int(first < second)
    from univers.rpm import compare_rpm_versions

    return int(compare_rpm_versions(left, right))


def _same_depth(left: str, right: str) -> tuple[str, str]:
    """Where one tells only Ubuntu's ABI, both are cut to it."""
    if not (_ABI_ONLY.fullmatch(left) or _ABI_ONLY.fullmatch(right)):
        return left, right
    first, second = _ABI_ONLY.match(left), _ABI_ONLY.match(right)
    return first[0] if first else left, second[0] if second else right


def as_built(package: str) -> str:
    """A package without the mark of a rebuild for an older release: the source is the same."""
    return _REBUILD.sub("", package)


def _mainline_key(version: str) -> tuple[int, int, int, int]:
    number = UPSTREAM.match(version)
    if not number:
        return (0, 0, 0, 0)
    return (*triple(number), int(number[4]) if number[4] else 1_000_000)  # rc before release


def stream(line: str, version: str) -> str | None:
    """The branch a version belongs to if its fix holds for that branch only, else None.

    RHEL's 3.10.0-327.44.2 was made for 327.x; stable's 5.10.80 and Debian's 5.10.84-1 for 5.10;
    SUSE's 5.14.21-150500.55.19 for 15 SP5; Amazon's 4.14.336-253.554.amzn2 for 4.14 of its 2.
    """
    if line in RED_HAT:
        found = re.match(r"[\d.]+-(\d+)(?:\.\d+)+\.\D", version)
        return found[1] if found else None
    if line in ("sles", "amazon"):
        return branch(line, version)
    number = UPSTREAM.match(version)
    if not number or number[3] is None or number[4]:
        return None
    # 5.10.0 alone is the start of a series; with a package revision it is a package of it
    return f"{number[1]}.{number[2]}" if int(number[3]) or "-" in version else None


def branch(line: str, version: str) -> str | None:
    """The branch a kernel of this version is on."""
    if line in RED_HAT:
        found = re.match(r"[\d.]+-(\d+)", version)
        return found[1] if found else None
    number = UPSTREAM.match(version)
    series = f"{number[1]}.{number[2]}" if number else None
    if line == "sles":
        return suse_branch(version)
    if line == "amazon" and (told := re.search(r"\.(amzn\d+)", version)):
        return f"{series} {told[1]}"
    return series
