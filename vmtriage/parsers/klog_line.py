"""One line of any kernel log: what stands before the kernel's own words, and the words.

Forms, as the kernel and its messengers print them:
    [   12.345678] text                       the ring buffer; `[   12.345678][  T123] text` with
                                              PRINTK_CALLER; `<4>` before or after the stamp
    Nov 12 15:06:31 host kernel: [12.3] text  syslog; the journal's other date forms too
    [Sat Nov 21 07:07:49 2026] text           dmesg -T; dmesg -H: [Nov21 07:07], [  +0.0001]
    kern  :warn  : [   12.345678] text        dmesg -x
    6,1234,12345678,-,caller=T12;text         /dev/kmsg and netconsole's extended records
    host login: [   12.345678] text           a serial console somebody else writes to as well
    > > text, > | text                        quoted in a mail or a commit message
"""

import re
from typing import NamedTuple


class Line(NamedTuple):
    """One line. time_s: seconds since boot; caller: T123 (task) or C2 (CPU)."""

    number: int  # from 1
    text: str
    time_s: float | None = None
    level: int | None = None  # 0 emergency .. 7 debug
    caller: str | None = None


class Prefix(NamedTuple):
    """What stands before the text, which begins at `end`. known: any prefix was there."""

    end: int
    time_s: float | None = None
    level: int | None = None
    caller: str | None = None
    known: bool = False


_NOTHING = Prefix(0)
_LEVEL = r"(?:<([0-9]{1,3}|[0-9a-f]{2})>)?"
_CALLER = r"(?:\[\s*([TC][0-9]{1,10})\] ?)?"
# Nearly every line of a log has one of these two forms.
_STAMP = re.compile(rf"{_LEVEL}\[\s*([0-9]{{1,12}}\.[0-9]{{1,9}})\] ?{_CALLER}{_LEVEL}")
_INNER_STAMP = re.compile(rf"[ :>\]]?{_LEVEL}\[\s*([0-9]{{1,9}}\.[0-9]{{6}})\] ?{_CALLER}{_LEVEL}")
_CLOCK = r"[0-9]{2}:[0-9]{2}:[0-9]{2}"
_MONTH = r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)"
_DAY = r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)"
_ISO = rf"[0-9]{{4}}[-/][0-9]{{2}}[-/][0-9]{{2}}[T ]{_CLOCK}(?:[.,][0-9]{{1,9}})?"
_ZONE = r"(?:Z|[+-][0-9]{2}:?[0-9]{2})?"
# One layer each; a log that went through several messengers carries several.
_LAYERS = tuple(
    re.compile(pattern)
    for pattern in (
        rf"(?:<[0-9]{{1,3}}>)?(?:[0-9] )?{_MONTH} +[0-9]{{1,2}} (?:[0-9]{{4}} )?{_CLOCK}"
        r"(?:[.,][0-9]{1,9})? ",
        rf"(?:<[0-9]{{1,3}}>[0-9] )?{_ISO}{_ZONE}(?: |: ?)",
        rf"{_DAY} {_ISO} [A-Z]{{3,5}} ",  # journalctl -o short-full
        # dmesg -T, in the language of whoever typed it
        rf"\[\w{{2,4}}\.? \w{{2,5}}\.? +[0-9]{{1,2}} {_CLOCK}(?:\.[0-9]+)? "
        r"(?:[A-Z]{2,5} )?[0-9]{4}\] ?",
        rf"\[{_ISO}{_ZONE}\] ?",
        rf"\[{_MONTH} ?[0-9]{{1,2}} [0-9]{{2}}:[0-9]{{2}}(?::[0-9]{{2}})?\] ?",
        r"\[ *(?:[0-9]{1,9}\.[0-9]{1,9} *)?[<+] *[0-9]{1,9}\.[0-9]{1,9}>?\] ?",
        r"(?:kern|user|daemon|syslog) *:(?:emerg|alert|crit|err|warn|notice|info|debug) *: ",
        rf"\S{{1,255}} (?={_MONTH} +[0-9]{{1,2}} {_CLOCK}|{_ISO})",  # a host that passed it on
        r"\S{1,255} kernel \S{1,20} \S{1,32} (?:-|\[[^\]]{0,200}\]) ",  # RFC 5424
        r"[0-9]{5,10}(?:\.[0-9]{1,9})? (?=\S+ kernel)",  # journalctl -o short-unix
        # the host and the tag; a page that lost its blanks still shows `hostkernel:`
        r"(?:\S{1,255}? ?)?(?:kernel|vmunix|klogd)(?:\[[0-9]{1,10}\])?:(?: |$|(?=\S))",
    )
)
_SYSLOG_FIRST = re.compile(
    r"[A-Z][a-z]{2} [ 0-9]|[0-9]{4}[-/]|\[[^\W_]|\[[ <+]|<[0-9]|kern|user|daemon|syslog|[0-9]{5}|"
    r".{0,255}?kernel"
)
_LEVEL_NAMES = ("emerg", "alert", "crit", "err", "warn", "notice", "info", "debug")
_DECODED = re.compile(rf"[a-z]{{4,6}} *:({'|'.join(_LEVEL_NAMES)}) *: ")
# The journal's monotonic clock stands where the kernel's stamp does; host and tag follow.
_TAG = " kernel: "
_AFTER_STAMP = re.compile(rf"\S{{1,255}}{_TAG}")
_KMSG = re.compile(
    r"(?:[0-9][\w.+~-]{2,80},)?([0-9]{1,4}),[0-9]{1,20},([0-9]{1,20}),[-c+][^;]{0,200};"
)
_KMSG_CALLER = re.compile(r"caller=([TC][0-9]{1,10})")
_AFTER_DATE = re.compile(_CALLER + _LEVEL)
# MediaTek and Qualcomm kernels put the CPU and the task between stamp and text.
_VENDOR = re.compile(r"(?:\([0-9]\)\[[0-9]+:[^\]]{1,40}\] ?|c[0-9] +[0-9]+ +(?=\S))")
# A stamp in the middle of a text: another CPU printed before the line was ended.
_RUN_IN = re.compile(r"(?<=[^\s:>\]])\[ {0,4}[0-9]{1,9}\.[0-9]{6}\](?= |\[)")
_QUOTED = re.compile(r"(?:> ?){1,8}(?: {0,8}\| ?)?| {0,8}\| ?")
_LONE_LEVEL = re.compile(r"<([0-7])>")
_ESCAPES = re.compile(
    r"\x1b(?:\[[0-9;?]*[ -/]*[@-~]|\][^\x07\x1b]{0,200}(?:\x07|\x1b\\)|[@-Z\\-_])"
)
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


def clean(raw: str) -> str:
    """The line without colours, carriage returns and other control characters."""
    if "\x1b" in raw:
        raw = _ESCAPES.sub("", raw)
    return raw if raw.isprintable() else _CONTROLS.sub("", raw)


def prefix(raw: str) -> Prefix:
    """What stands before the kernel's text in this (cleaned) line."""
    found = _STAMP.match(raw)
    if found is not None:
        return _stamped(found, raw)
    if raw[:1] in "0123456789" and (record := _KMSG.match(raw)):
        said = _KMSG_CALLER.search(record[0])
        return Prefix(
            record.end(), int(record[2]) / 1e6, int(record[1]) & 7, said and said[1], True
        )
    quoted = _QUOTED.match(raw)
    at = begin = quoted.end() if quoted else 0
    level: int | None = None
    if _SYSLOG_FIRST.match(raw, begin):
        at = _peel(raw, begin)
        if decoded := _DECODED.match(raw, begin):
            level = _LEVEL_NAMES.index(decoded[1])
        found = _STAMP.match(raw, at)
        if found is not None:
            return _stamped(found, raw, level)
    if at == begin and (found := _INNER_STAMP.search(raw, 0, 120)):
        return _stamped(found, raw)
    caller: str | None = None
    if at > begin and (rest := _AFTER_DATE.match(raw, at)):
        caller, after = rest.groups()
        level, at = (_level(after) if after else level), rest.end()
    elif bare := _LONE_LEVEL.match(raw, begin):
        level, at = int(bare[1]), bare.end()
    return Prefix(at, None, level, caller, True) if at else _NOTHING


def _peel(raw: str, at: int) -> int:
    for _ in range(4):
        layer = next((found for each in _LAYERS if (found := each.match(raw, at))), None)
        if layer is None or layer.end() == at:
            break
        at = layer.end()
    return at


def _stamped(found: re.Match[str], raw: str, told: int | None = None) -> Prefix:
    before, stamp, caller, after = found.groups()
    end = found.end()
    text = raw[end : end + 1]
    if text in ("(", "c") and (vendor := _VENDOR.match(raw, end)):
        end = vendor.end()
    elif raw.find(_TAG, end, end + 256) > 0 and (tag := _AFTER_STAMP.match(raw, end)):
        end = tag.end()
    number = _level(before or after)
    return Prefix(end, float(stamp), told if number is None else number, caller, True)


def _level(text: str | None) -> int | None:
    """0-7; None for the raw flags byte that old crash printed instead (two hex digits)."""
    return int(text) & 7 if text and text.isdecimal() and len(text) != 2 else None


def split(raw: str) -> tuple[str, ...]:
    """The line in parts where a second time stamp shows that two messages ran together."""
    cuts = [found.start() for found in _RUN_IN.finditer(raw)]
    if not cuts:
        return (raw,)
    ends = [*cuts, len(raw)]
    return tuple(raw[a:b] for a, b in zip([0, *cuts], ends, strict=True) if raw[a:b])


def read(number: int, raw: str) -> Line:
    """One line, cleaned and split."""
    if not raw.isprintable():
        raw = clean(raw)
    found = _STAMP.match(raw)
    if found is not None:
        before, stamp, caller, after = found.groups()
        end = found.end()
        plain = raw[end : end + 1] not in ("(", "c") and raw.find(_TAG, end, end + 256) < 0
        if before is None and after is None and plain:
            return Line(number, raw[end:], float(stamp), None, caller)  # nearly every line
    end, time_s, level, caller, _ = prefix(raw)
    return Line(number, raw[end:], time_s, level, caller)
