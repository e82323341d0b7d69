"""Hardware errors: machine check banks, EDAC's memory lines, the firmware's records.

Sources: arch/x86/kernel/cpu/mce/core.c (print_mce), drivers/edac/mce_amd.c, drivers/edac/edac_mc.c,
drivers/edac/*_edac.c, drivers/firmware/efi/cper.c with drivers/acpi/apei/ghes.c. Only what was
printed; what the status register means is told by mce_codes.py.
"""

import re
from collections.abc import Iterator, Sequence

from vmtriage.analysis.klog import mce_codes
from vmtriage.analysis.klog.cper import read_sections
from vmtriage.models.details import DimmError, MceRecord, MceReport
from vmtriage.parsers.klog_line import Line

_MOST = 64  # entries of one kind
_LONGEST = 2048  # characters of a line that are looked at
_N = r"[0-9]{1,9}"
_HEX = r"[0-9a-fA-F]{1,16}"
_HEAD = re.compile(
    rf"\bCPU ?(?P<cpu>{_N}): Machine Check(?: Exception| Event)?: *(?P<mcg>{_HEX})"
    rf"(?:,? Bank (?P<bank>{_N}): ?(?P<status>{_HEX}))?"
)
_BANK = re.compile(
    rf"^\s*Bank (?P<bank>{_N}): (?P<status>{_HEX})(?:\[{_HEX}\])?(?: at (?P<addr>{_HEX}))?"
)
_WORDS = re.compile(rf"\b(ADDR|MISC|SYND) ({_HEX})\b")
_PROCESSOR = re.compile(
    rf"\bPROCESSOR (?P<vendor>{_N}):(?P<cpuid>{_HEX}) TIME [0-9]+ SOCKET (?P<socket>{_N})"
    rf" APIC (?P<apic>{_HEX})(?: microcode (?P<microcode>{_HEX}))?"
)
_AMD = re.compile(
    rf"(?:CPU:(?P<cpu>{_N}) \((?P<cpuid>[0-9a-f:]{{1,16}})\) )?MC(?P<bank>{_N})_STATUS"
    rf"(?:\[[^\]]*\])?: 0x(?P<status>{_HEX})"
)
_AMD_ADDRESS = re.compile(rf"\b(?:Error Addr|MC{_N}_ADDR): 0x(?P<addr>{_HEX})")
_AMD_SYNDROME = re.compile(rf"\bSyndrome: 0x(?P<synd>{_HEX})")
_AMD_SAYS = re.compile(
    r"\[Hardware Error\]: (?P<says>cache level: .*|[^:]{1,60} Ext\. Error Code: .*|.* Error: .*|"
    r"(?:Corrected|Deferred|Uncorrected)[^:]*error.*)$"
)
# drivers/edac/edac_mc.c since 3.6, the form before it, and the one between
_EDAC = re.compile(
    rf"EDAC (?:\S{{1,30}} )?MC(?P<mc>{_N}): (?P<count>{_N}) (?P<kind>CE|UE) (?P<message>.*?) ?\bon"
    r" (?P<label>[^()]{1,200}?) \((?P<where>[^()]*)"
)
_EDAC_OLD = re.compile(
    rf"EDAC (?:\S{{1,30}} )?MC(?P<mc>{_N}): (?P<kind>CE|UE) (?P<where>(?:page|row) .*?),"
    r' labels? "(?P<label>[^"]*)":? ?(?P<message>.*)$'
)
_PAIRS = re.compile(
    r"\b(channel|slot|csrow|row|page|offset|socket)[: ](0x[0-9a-f]{1,16}|[0-9]{1,9})\b"
)
_TIMES = re.compile(rf"^(?P<count>{_N}) Unknown error\(s\): ?")
_LABEL_SOCKET = re.compile(rf"CPU_SrcID#(?P<socket>{_N})")
_LABEL_CHANNEL = re.compile(rf"[Cc]han(?:nel)?#(?P<channel>{_N})")
_LABEL_SLOT = re.compile(rf"DIMM#(?P<slot>{_N})")


def read(lines: Sequence[Line]) -> MceReport | None:
    """Everything about hardware in these lines; None if there is nothing."""
    lines = [line._replace(text=line.text[:_LONGEST]) for line in lines]
    records = tuple(_records(lines))
    dimms = tuple(_dimms(lines))
    severity, firmware = read_sections(lines)
    if not (records or dimms or firmware or severity):
        return None
    every = (records, dimms, firmware)
    return MceReport(
        records=records[:_MOST],
        dimms=dimms[:_MOST],
        firmware=firmware[:_MOST],
        severity=severity,
        corrected=_sum(dimms, "CE"),
        uncorrected=_sum(dimms, "UE"),
        cut=sum(max(0, len(each) - _MOST) for each in every),
    )


def _sum(dimms: Sequence[DimmError], kind: str) -> int | None:
    return sum(each.count for each in dimms if each.kind == kind) if dimms else None


def _records(lines: Sequence[Line]) -> Iterator[MceRecord]:
    """Banks, each with the lines that follow its first."""
    fields: dict[str, str] = {}
    says: list[str] = []
    at = 0
    for line in lines:
        found = _begins(line.text)
        if found is not None:
            if fields:
                yield _record(fields, says, at)
            # words of AMD's decoder stand before and after the status line
            before = [] if fields else says
            fields, says, at = found, before, line.number
            continue
        if words := _AMD_SAYS.search(line.text):
            says.append(words["says"].strip())
        if fields:
            fields |= _more(line.text)
    if fields:
        yield _record(fields, says, at)


def _begins(text: str) -> dict[str, str] | None:
    if "Machine Check" in text:
        found = _HEAD.search(text)
    elif "_STATUS" in text:
        found = _AMD.search(text)
        if found:
            return {"vendor": "2"} | _given(found)
    else:
        found = _BANK.match(text)
    return _given(found) if found else None


def _given(found: re.Match[str]) -> dict[str, str]:
    return {key: text for key, text in found.groupdict().items() if text}


def _more(text: str) -> dict[str, str]:
    fields = {name.lower(): digits for name, digits in _WORDS.findall(text)}
    for form in (_PROCESSOR, _AMD_ADDRESS, _AMD_SYNDROME):
        if found := form.search(text):
            fields |= _given(found)
    return fields


def _record(fields: dict[str, str], says: Sequence[str], line: int) -> MceRecord:
    vendor = mce_codes.VENDORS.get(fields.get("vendor", ""))
    status, mcg = mce_codes.number(fields.get("status")), mce_codes.number(fields.get("mcg"))
    return MceRecord(
        cpu=int(fields["cpu"]) if "cpu" in fields else None,
        bank=int(fields["bank"]) if "bank" in fields else None,
        status=fields.get("status"),
        mcgstatus=fields.get("mcg"),
        address=fields.get("addr"),
        misc=fields.get("misc"),
        syndrome=fields.get("synd"),
        socket=int(fields["socket"]) if "socket" in fields else None,
        apic=fields.get("apic"),
        vendor=vendor,
        processor=fields.get("cpuid"),
        microcode=fields.get("microcode"),
        flags=() if status is None else mce_codes.flags(status, vendor),
        mcg_flags=() if mcg is None else mce_codes.mcg_flags(mcg),
        error=None if status is None else mce_codes.error(status, vendor),
        says=tuple(says[:8]),
        line=line,
    )


def _dimms(lines: Sequence[Line]) -> Iterator[DimmError]:
    for line in lines:
        if "EDAC" not in line.text:
            continue
        found = _EDAC.search(line.text) or _EDAC_OLD.search(line.text)
        if found:
            yield _dimm(found, line.number)


def _dimm(found: re.Match[str], line: int) -> DimmError:
    parts = found.groupdict()
    label, message = parts["label"].strip(" :"), parts["message"].strip()
    places: dict[str, str] = {}
    for name, digits in _PAIRS.findall(parts["where"]):
        places.setdefault("csrow" if name == "row" else name, digits)
    for form in (_LABEL_SOCKET, _LABEL_CHANNEL, _LABEL_SLOT):
        if named := form.search(label):
            places = _given(named) | places
    times = _TIMES.match(message)
    numbers = {key: int(text) for key, text in places.items() if text.isdecimal()}
    return DimmError(
        kind="CE" if parts["kind"] == "CE" else "UE",
        # before 3.6 every error had a line of its own
        count=int(parts.get("count") or (times and times["count"]) or 1),
        label=label or None,
        message=(message[times.end() :] if times else message) or None,
        mc=int(parts["mc"]),
        socket=numbers.get("socket"),
        channel=numbers.get("channel"),
        slot=numbers.get("slot"),
        csrow=numbers.get("csrow"),
        page=places.get("page"),
        offset=places.get("offset"),
        line=line,
    )
