"""Which SUSE Linux Enterprise a kernel package was built for, by the number in its release."""

import re

# Before the number named the service pack, each had its own. Source: kernel packages of SLES.
_OLD = {
    ("3.0", "108"): "11 SP4", ("3.12", "52"): "12", ("3.12", "60"): "12 SP1",
    ("4.4", "92"): "12 SP2", ("4.4", "94"): "12 SP3",
    ("4.12", "94"): "12 SP4", ("4.12", "95"): "12 SP4",
    ("4.12", "120"): "12 SP5", ("4.12", "122"): "12 SP5",
    ("4.12", "25"): "15", ("4.12", "150"): "15",
    ("4.12", "195"): "15 SP1", ("4.12", "197"): "15 SP1",
    ("5.3", "22"): "15 SP2", ("5.3", "24"): "15 SP2",
    ("5.3", "57"): "15 SP3", ("5.3", "59"): "15 SP3",
}  # fmt: skip
_PACKAGE = re.compile(r"(\d+\.\d+)[\d.]*-(\d+)")


def service_pack(package: str) -> str | None:
    """5.14.21-150500.55.19 is of "15 SP5", 6.12.0-160000.5 of "16.0"; None: it does not tell."""
    found = _PACKAGE.match(package)
    if found is None:
        return None
    if coded := re.fullmatch(r"15(\d\d)00", found[2]):
        return f"15 SP{int(coded[1])}"
    if coded := re.fullmatch(r"16(\d\d)00", found[2]):
        return f"16.{int(coded[1])}"
    return _OLD.get((found[1], found[2]))


def suse_branch(package: str) -> str | None:
    """What is compared within: the service pack, or base version and number where none is told."""
    found = _PACKAGE.match(package)
    return service_pack(package) or (found[0] if found else None)
