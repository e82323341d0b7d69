"""What a file on a crash share is, by its name, and which other files belong to the same crash.

One crash has one key in its directory: "" where kdump gives it a directory of its own, the date of
kdump-tools' dump.DATE and dmesg.DATE, or what precedes `vmcore` in the name of a flat file.
"""

import re
from dataclasses import dataclass

from vmtriage.models.found import FoundKind

_PACKED = r"(?:\.(?:gz|bz2|xz|zst|lz4))?"  # told later: to be unpacked first
_STAMP = r"(?:19|20)\d{10}(?:\d\d)?"
_EXTENSION = r"(?:elf|kdump|dump|core|zlib|lzo|snappy|zstd|gz|bz2|xz|zst|lz4)"
_BARE = re.compile(rf"vmcore(?:\.{_EXTENSION})?", re.ASCII)
_DEBIAN = re.compile(
    # HOST-dump.DATE is what kdump-tools sends by FTP
    rf"(?P<key>(?:.+-)?)(?P<what>dump|vmcore|dmesg)\.(?P<stamp>{_STAMP}){_PACKED}",
    re.DOTALL | re.ASCII,
)
_INCOMPLETE = re.compile(
    rf"(?P<key>(?:.+[.-])?)(?:vmcore|dump)-incomplete(?:\.flat)?{_PACKED}", re.DOTALL | re.ASCII
)
_FLATTENED = re.compile(r"(?P<key>(?:.+[.-])?)vmcore\.flat(?:tened)?", re.DOTALL | re.ASCII)
# makedumpfile --split: whatever was typed; SLES vmcore1, the manual's dumpfile_1, vmcore.0
_PART = re.compile(
    r"(?P<key>(?:.+[.-])?)(?:vmcore|dumpfile)[._-]?(?:part)?[._-]?(?P<number>\d{1,4})",
    re.DOTALL | re.ASCII,
)
_FLAT = re.compile(
    rf"(?P<key>.+?)[._-]?vmcore(?:\.{_EXTENSION})?|(?P<elf>(?!vmlin).+)\.elf", re.DOTALL | re.ASCII
)
_AFTER = re.compile(  # vmcore-HOST-DATE
    rf"vmcore[._-](?P<key>.*(?:{_STAMP}|\d{{4}}[-.]\d\d[-.]\d\d[-_T]\d\d[:._-]?\d\d.*)){_PACKED}",
    re.DOTALL | re.ASCII,
)
_FLAT_LOG = re.compile(
    r"(?P<key>.+?)[._-](?:vmcore-)?dmesg(?:-incomplete)?(?:\.txt|\.log)?", re.DOTALL | re.ASCII
)
_UBUNTU = re.compile(rf"linux-image-.+-(?P<key>{_STAMP})\.crash", re.DOTALL | re.ASCII)
_NO_DUMP = re.compile(r".*(?:dmesg|\.(?:txt|log|md5|sha\d+|json|html|md|tmp|part|swp))", re.DOTALL)

# Logs beside a dump, the best first. kexec-dmesg.log is the capture kernel's own; netdump's is log.
_LOGS = {"vmcore-dmesg.txt": 0, "dmesg.txt": 1, "log": 3, "vmcore-dmesg-incomplete.txt": 4,
         "kexec-dmesg.log": 5}  # fmt: skip
_DATED_LOG, _REPORT_LOG = 2, 6
LAST_GOOD_LOG = 3  # the rest is cut or of another kernel: the dump tells more, if there is one

SKIPPED_DIRECTORIES = frozenset({
    "lost+found", "~snapshot", "#snapshot", "@eaDir", "#recycle", "$RECYCLE.BIN",
    "System Volume Information",
})  # fmt: skip
SIGNS = ("README.txt", "System.map", "vmlinu")  # what SLES leaves beside the dump


@dataclass(frozen=True, slots=True)
class FileName:
    """rank: of those of one crash and sort (dump, log) the lowest counts. number: of a part."""

    key: str
    kind: FoundKind
    rank: int = 0
    number: int = 0
    stamp: str | None = None


def parse(name: str) -> FileName | None:
    """What the file is; None: nothing of a crash. Looks at the name only, in microseconds."""
    if name in _LOGS:
        return FileName("", "log", _LOGS[name])
    if not ("vmcore" in name or "dump" in name or "dmesg" in name
            or name.endswith((".elf", ".crash"))):  # fmt: skip
        return None  # a million of these cost nothing
    if _BARE.fullmatch(name):
        return FileName("", "vmcore", 0 if name == "vmcore" else 3)
    if found := _INCOMPLETE.fullmatch(name):
        return FileName(_key(found["key"]), "incomplete", 5)
    if found := _DEBIAN.fullmatch(name):
        stamp, key = found["stamp"], found["key"] + found["stamp"]
        if found["what"] == "dmesg":
            return FileName(key, "log", _DATED_LOG, stamp=stamp)
        return FileName(key, "vmcore", 1, stamp=stamp)
    if found := _FLATTENED.fullmatch(name):
        return FileName(_key(found["key"]), "flattened", 2)
    if found := _UBUNTU.fullmatch(name):
        return FileName(found["key"], "log", _REPORT_LOG, stamp=found["key"])
    return _flat(name)


def _flat(name: str) -> FileName | None:
    """One of many in a directory, each a crash of its own."""
    if found := _FLAT_LOG.fullmatch(name):
        return FileName(_key(found["key"]), "log", _DATED_LOG)
    if found := _PART.fullmatch(name):
        return FileName(_key(found["key"]), "split", 4, number=int(found["number"]))
    if _NO_DUMP.fullmatch(name):
        return None
    if found := _AFTER.fullmatch(name):
        return FileName(_key(found["key"]), "vmcore", 1)
    if found := _FLAT.fullmatch(name):
        return FileName(_key(found["key"] or found["elf"]), "vmcore", 1)
    return None


def _key(text: str) -> str:
    return text.rstrip("._-")
