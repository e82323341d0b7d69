"""Sections of the error records that the firmware hands over.

Source: drivers/firmware/efi/cper.c (drivers/acpi/apei/cper.c before 3.12). Newer kernels print the
place of a memory error on one line (`node: 0 card: 1 module: 0`), older ones a line for each part.
"""

import re
from collections.abc import Sequence

from vmtriage.models.details import FirmwareError
from vmtriage.parsers.klog_line import Line

_PREFIX = re.compile(r"^.{0,40}?(?:\{[0-9]{1,9}\})?\[Hardware Error\]: ?(?P<text>.*)$")
_EVENT = re.compile(r"^\s*(?:APEI generic hardware error status|event severity: (?P<severity>\w+))")
_OLD_EVENT = re.compile(r"^severity: [0-9]+, (?P<severity>\w+)")
_BEGIN = re.compile(
    r"^\s*(?:Error [0-9]{1,6}, type:|section: [0-9]{1,6}, severity: [0-9]{1,9},)"
    r" (?P<severity>\w+)"
)
_SECTION = re.compile(r"^\s*section[_ ]type: (?P<section>\S.{0,80}?)\s*$")
_TYPE = re.compile(r"^\s*error_type: (?:0x)?[0-9a-f]{1,8}, (?P<error_type>\S.{0,80}?)\s*$")
_ADDRESS = re.compile(r"^\s*physical_address: 0x(?P<address>[0-9a-f]{1,16})")
_PLACE = re.compile(r"\b(node|card|module|rank|bank): ?([0-9]{1,9})\b")
_IS_PLACE = re.compile(r"^\s*(?:node|card|module|rank|bank): ?[0-9]")
_DIMM = re.compile(r"^\s*DIMM location: (?P<dimm>\S.{0,120}?)\s*$")
_FRU = re.compile(r"^\s*fru_text: (?P<fru>\S.{0,60}?)\s*$")
_DEVICE = re.compile(r"^\s*device_id: (?P<device>[0-9a-f]{4}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-9a-f])")


def read_sections(lines: Sequence[Line]) -> tuple[str | None, tuple[FirmwareError, ...]]:
    """The severity of the whole event and its sections."""
    event: str | None = None
    sections: list[dict[str, str | int]] = []
    for line in lines:
        found = _PREFIX.match(line.text)
        if found is None:
            continue
        text = found["text"]
        if severity := _EVENT.match(text) or _OLD_EVENT.match(text):
            event = event or severity.groupdict().get("severity")
        elif begin := _BEGIN.match(text):
            sections.append({"severity": begin["severity"], "line": line.number})
        elif kind := _SECTION.match(text):
            if not sections or "section" in sections[-1]:
                sections.append({"line": line.number})
            sections[-1]["section"] = kind["section"]
        elif sections:
            for name, value in _facts(text).items():
                sections[-1].setdefault(name, value)
    return event, tuple(FirmwareError.model_validate(each) for each in sections)


def _facts(text: str) -> dict[str, str | int]:
    if _IS_PLACE.match(text):
        return {name: int(number) for name, number in _PLACE.findall(text)}
    if found := _ADDRESS.match(text):
        return {"physical_address": found["address"]}
    for form in (_TYPE, _DIMM, _FRU, _DEVICE):
        if found := form.match(text):
            return dict(found.groupdict())
    return {}
