"""Every message form has a sample; first lines of all kernel versions find their form."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import Golden
from vmtriage.analysis.klog.formats import ALARM, FORMATS, Format
from vmtriage.analysis.klog.heads import head, literals
from vmtriage.analysis.klog.incident import incident
from vmtriage.analysis.klog.primary import primary
from vmtriage.analysis.klog.report import Report
from vmtriage.analysis.klog.scanner import Scanner
from vmtriage.models.finding import CrashClass, Incident
from vmtriage.parsers.klog_line import read

SAMPLES = Path("fixtures/klog")
LOGS = sorted(path for path in SAMPLES.glob("*/*.log") if path.parent.name != "clean")
CLEAN = sorted((SAMPLES / "clean").glob("*.log"))
FORM_IDS = [form.id for form in FORMATS]
UNKNOWN = {form.id for form in FORMATS if form.crash_class is CrashClass.UNKNOWN}
_SHOWN = (
    "format", "crash_class", "title", "function", "alternatives", "module", "severity", "corrupted",
    "cpu", "pid", "comm", "where", "device", "first_line", "last_line",
)  # fmt: skip


def _scan(path: Path) -> list[Incident]:
    scanner = Scanner()
    reports: list[Report] = []
    for number, raw in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        reports += scanner.feed(read(number, raw))
    reports += scanner.finish()
    return sorted((incident(each) for each in reports), key=lambda each: each.first_line)


def _heads() -> Iterator[tuple[str, str]]:
    form = ""
    for line in (SAMPLES / "heads.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith("[") and line.endswith("]") and line[1:-1] in FORM_IDS:
            form = line[1:-1]
        elif line and not line.startswith("# "):
            yield form, line


HEADS = tuple(_heads())


def _essence(incidents: list[Incident]) -> str:
    chosen = primary(incidents)
    shown = [each.model_dump(mode="json", include=set(_SHOWN)) for each in incidents]
    index = incidents.index(chosen) if chosen else None
    kept = [{key: each[key] for key in _SHOWN if each[key] not in (None, [])} for each in shown]
    return json.dumps({"primary": index, "incidents": kept}, indent=2) + "\n"


@pytest.mark.parametrize("path", LOGS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_sample_is_read_as_expected(path: Path, golden: Golden) -> None:
    incidents = _scan(path)
    golden(path.with_suffix(".json"), _essence(incidents))
    assert path.parent.name in {each.format for each in incidents}
    if path.parent.name not in UNKNOWN:
        assert CrashClass.UNKNOWN not in {each.crash_class for each in incidents}


@pytest.mark.parametrize("form", FORM_IDS)
def test_every_form_has_a_sample(form: str) -> None:
    assert form in {path.parent.name for path in LOGS}


def test_every_sample_belongs_to_a_form() -> None:
    assert {path.parent.name for path in LOGS} <= set(FORM_IDS)


@pytest.mark.parametrize(
    ("form", "line"), HEADS, ids=[f"{form}-{i}" for i, (form, _) in enumerate(HEADS)]
)
def test_first_line_finds_its_form(form: str, line: str) -> None:
    found = head(line)
    assert literals(line)
    assert found is not None
    assert found.form.id == form


@pytest.mark.parametrize("form", FORMATS, ids=lambda form: form.id)
def test_every_literal_gates_a_known_line(form: Format) -> None:
    claimed = [line for name, line in HEADS if name == form.id]
    assert [each for each in form.has if not any(each in line for line in claimed)] == []


@pytest.mark.parametrize("path", CLEAN, ids=lambda path: path.stem)
def test_ordinary_log_gives_no_incident(path: Path) -> None:
    """But noise: there is always somebody who knocks at a port too often."""
    grave = [each for each in _scan(path) if each.severity != "noise"]
    assert [(each.format, each.first_line) for each in grave] == []


@pytest.mark.parametrize(
    "text",
    [
        "BUG: the flux capacitor lost 3 pages",
        "BUG: ring 7 is not where it was",
        "[ BUG: somebody holds a thing! ]",
        "Oops: something nobody has heard of [#1]",
        "Kernel panic: wrong wording of 2035",
        "panic: cpu 3 fell out of its socket",
        "acme: BUG at drivers/acme/ring.c:118",
        "Call Trace:",
    ],
)
def test_crash_of_no_known_form_is_never_passed_over(text: str, tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text(f"all is well\n{text}\n acme_ring_push+0x24/0x60 [acme]\n", encoding="utf-8")
    incidents = _scan(log)
    assert len(incidents) == 1
    assert incidents[0].format in {form.id for form in (*ALARM, *FORMATS)}
    assert incidents[0].severity != "noise"
