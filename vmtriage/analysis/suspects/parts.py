"""Hardware errors by the part they name: DIMM, CPU and bank, PCI device, or no place at all."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Literal

from vmtriage.analysis.suspects import quotes
from vmtriage.analysis.suspects.case import Case
from vmtriage.models.details import DimmError, FirmwareError, MceRecord, MceReport
from vmtriage.models.evidence import Evidence
from vmtriage.models.finding import CrashClass, Incident

Exact = Literal["name", "bank", "nowhere"]
_SURVIVED = ("corrected", "info", "informational")
_NO_PLACE = ("any memory", "unknown memory", "unknown label")  # edac_mc.c: no DIMM was found
_AER_LINES = 4  # the report of the device follows at once
_SOURCE = re.compile(
    r"AER: .* error (?:message )?received(?: from)?:? ([0-9a-f]{4,}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7])"
    r"|([0-9a-f]{4,}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]): (?:AER: )?PCIe Bus Error: severity"
)
_HEAT = {"thermal": False, "thermal-shutdown": True}


@dataclass(frozen=True)
class Part:
    """A part and what was told of it. grave: an error that was not corrected."""

    kind: Literal["hardware", "device"]
    name: str
    exact: Exact
    grave: bool
    says: str
    evidence: tuple[Evidence, ...]
    memory: bool = False
    count: int = 1


def parts(case: Case, incidents: Iterable[Incident]) -> tuple[Part, ...]:
    """Every part that the reports name, once; its gravest error tells."""
    found: dict[str, Part] = {}
    for incident in incidents:
        if incident.crash_class is not CrashClass.MCE or incident.severity == "noise":
            continue
        for part in _of(case, incident):
            before = found.get(part.name)
            if before is None:
                found[part.name] = part
                continue
            worse, other = (part, before) if part.grave > before.grave else (before, part)
            found[part.name] = replace(
                worse, count=before.count + part.count,
                evidence=(*worse.evidence, *other.evidence),
            )  # fmt: skip
    return tuple(found.values())


def _of(case: Case, incident: Incident) -> Iterator[Part]:
    report = incident.mce or MceReport()
    for dimm in report.dimms:
        yield _dimm(case, dimm)
    for error in report.firmware:
        severity = (error.severity or report.severity or "").lower()
        yield _firmware(case, error, severity)
    for record in report.records:
        yield _bank(case, record, incident)
    if incident.device:
        yield _express(case, incident, incident.device)
    elif incident.format in _HEAT:
        cpu = f" of CPU {incident.cpu}" if incident.cpu is not None else ""
        yield Part(
            "hardware", f"cooling{cpu}", "bank", _HEAT[incident.format],
            "the machine got too hot",
            (quotes.line(case, incident.first_line, "too hot", incident.title),),
        )  # fmt: skip


def _express(case: Case, incident: Incident, port: str) -> Part:
    """The device that erred: a port only receives the message of what is below it."""
    until = incident.first_line + _AER_LINES
    seen = quotes.find(case, _SOURCE.pattern, "the error", incident.first_line, until)
    found = _SOURCE.search(seen[0].text) if seen else None
    device = next((each for each in found.groups() if each), port) if found else port
    if not found:
        seen = (quotes.line(case, incident.first_line, "the error", incident.title),)
    grave = incident.format == "aer-uncorrected"
    word = "an uncorrected" if grave else "a corrected"
    return Part(
        "device", f"PCI device {device}", "name", grave,
        f"PCI Express reported {word} error of {device}"
        + (f", received by the port {port}" if port != device else ""), seen,
    )  # fmt: skip


def _dimm(case: Case, dimm: DimmError) -> Part:
    place = [
        f"{name} {number}"
        for name, number in (
            ("memory controller", dimm.mc), ("socket", dimm.socket), ("channel", dimm.channel),
            ("slot", dimm.slot), ("csrow", dimm.csrow),
        )
        if number is not None
    ]  # fmt: skip
    known = dimm.label is not None and dimm.label.strip().lower() not in _NO_PLACE
    placed = known or dimm.channel is not None or dimm.csrow is not None
    name = f"DIMM {dimm.label}" if known else f"memory at {', '.join(place)}"
    grave = dimm.kind == "UE"
    word = "uncorrected" if grave else "corrected"
    return Part(
        "hardware", name, "name" if known else "bank" if placed else "nowhere", grave,
        f"EDAC counted {word} memory errors there ({', '.join(place)})",
        (quotes.line(case, dimm.line, f"{dimm.count} {word} memory error(s)"),),
        memory=True, count=dimm.count,
    )  # fmt: skip


def _firmware(case: Case, error: FirmwareError, severity: str) -> Part:
    memory = "memory" in (error.section or "")
    fru = " / ".join(dict.fromkeys(each for each in (error.dimm, error.fru) if each))
    numbers = [
        f"{name} {number}"
        for name, number in (
            ("node", error.node), ("card", error.card), ("module", error.module),
            ("rank", error.rank), ("bank", error.bank),
        )
        if number is not None
    ]  # fmt: skip
    exact: Exact = "name" if fru or error.device else "bank" if numbers else "nowhere"
    if error.device:
        name = f"PCI device {error.device}"
    elif fru:
        name = f"DIMM {fru}" if memory else f"part {fru}"
    elif numbers:
        name = f"memory at {', '.join(numbers)}"
    else:
        name = f"a part the firmware does not name ({error.section or 'unknown section'})"
    what = ", ".join(each for each in (error.section, error.error_type) if each)
    return Part(
        "device" if error.device else "hardware", name, exact,
        bool(severity) and severity not in _SURVIVED,
        f"the firmware reported an error ({what or 'no details'}; {severity or 'no severity'})",
        (quotes.line(case, error.line, "the firmware's record"),), memory=memory,
    )  # fmt: skip


def _bank(case: Case, record: MceRecord, incident: Incident) -> Part:
    places = (("socket", record.socket), ("CPU", record.cpu), ("bank", record.bank))
    place = ", ".join(f"{name} {number}" for name, number in places if number is not None)
    told = record.error or ""
    memory = told.startswith(("memory controller", "extended memory")) or any(
        "DRAM" in each or "ECC" in each for each in record.says
    )
    # without decoded flags the form of the report tells: an exception is no corrected error
    grave = "UC" in record.flags if record.flags else incident.severity in ("panic", "serious")
    what = told or (record.says[0] if record.says else "")
    return Part(
        "hardware", f"{'memory behind ' if memory else ''}{place or 'an unnamed CPU'}",
        "bank" if place else "nowhere", grave,
        f"a machine check bank reported {'an uncorrected' if grave else 'a corrected'} error"
        + (f": {what}" if what else ""),
        (quotes.line(case, record.line, "the machine check bank"),), memory=memory,
    )  # fmt: skip
