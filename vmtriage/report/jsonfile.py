"""The report as JSON: the promise to ticket scripts, and its schema."""

import json
import re

from vmtriage.models.report import Report
from vmtriage.report import human

# Legal in JSON, but they would steer the terminal of whoever prints the file.
_UNSAFE = re.compile("[\x7f-\x9f\xad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]")


def render(report: Report) -> str:
    """`report` as JSON under the contract's names, times in UTC."""
    when = report.dump.crash_time
    dump = report.dump.model_copy(update={"crash_time": when and human.utc(when)})
    report = report.model_copy(update={"created": human.utc(report.created), "dump": dump})
    return harmless(report.model_dump_json(by_alias=True, indent=1)) + "\n"


def harmless(text: str) -> str:
    """The same JSON, with what would steer a terminal written as escapes."""
    return _UNSAFE.sub(lambda m: f"\\u{ord(m.group()):04x}", text)


def schema() -> str:
    """The JSON Schema of report.json."""
    return (
        json.dumps(Report.model_json_schema(by_alias=True, mode="serialization"), indent=1) + "\n"
    )
