"""The table of parsers and every recorded sample of every command."""

import importlib
import json
import pkgutil
from pathlib import Path
from types import ModuleType

import pytest

import vmtriage.parsers
from tests.conftest import Golden
from vmtriage.errors import ParseError
from vmtriage.models.base import Model
from vmtriage.parsers.table import PARSERS, parse

FIXTURES = Path(__file__).parent.parent / "fixtures" / "crash"
SAMPLES = sorted(FIXTURES.glob("*/*.txt"))
PARSER_MODULES = [
    module
    for info in pkgutil.iter_modules(vmtriage.parsers.__path__)
    if hasattr(module := importlib.import_module(f"vmtriage.parsers.{info.name}"), "COMMAND")
]


def _folder(command: str) -> str:
    return command.replace(" ", "_")


def _read(path: Path) -> str:
    with path.open(encoding="utf-8", newline="") as file:  # a \r in a sample is data
        return file.read()


def _parsed(sample: Path) -> Model:
    return parse(sample.parent.name.replace("_", " "), _read(sample))


def _name(sample: Path) -> str:
    return f"{sample.parent.name}/{sample.stem}"


@pytest.mark.parametrize("sample", SAMPLES, ids=_name)
def test_sample_gives_the_reviewed_facts(sample: Path, golden: Golden) -> None:
    golden(sample.with_suffix(".json"), _parsed(sample).model_dump_json(indent=1) + "\n")


@pytest.mark.parametrize("sample", SAMPLES, ids=_name)
def test_model_survives_json(sample: Path) -> None:
    model = _parsed(sample)
    assert type(model).model_validate_json(model.model_dump_json()) == model


@pytest.mark.parametrize("sample", SAMPLES, ids=_name)
def test_every_line_number_is_one_of_the_sample(sample: Path) -> None:
    count = _read(sample).count("\n") + 1

    def check(value: object) -> None:
        if isinstance(value, dict):
            line = value.get("line")
            assert line is None or 1 <= line <= count
            for inner in value.values():
                check(inner)
        elif isinstance(value, list):
            for inner in value:
                check(inner)

    check(json.loads(_parsed(sample).model_dump_json()))


@pytest.mark.parametrize("command", sorted(PARSERS))
def test_every_parser_owns_a_sample(command: str) -> None:
    assert list((FIXTURES / _folder(command)).glob("*.txt"))


def test_every_expectation_has_its_sample() -> None:
    expected = {path.with_suffix(".txt") for path in FIXTURES.glob("*/*.json")}
    assert expected <= set(SAMPLES)


def test_every_folder_belongs_to_a_parser() -> None:
    assert {sample.parent.name for sample in SAMPLES} <= {_folder(name) for name in PARSERS}


@pytest.mark.parametrize("module", PARSER_MODULES, ids=lambda module: module.__name__)
def test_every_parser_shows_a_sample_of_what_it_reads(module: ModuleType) -> None:
    assert "Sample" in (module.__doc__ or "")


@pytest.mark.parametrize("command", sorted(PARSERS))
@pytest.mark.parametrize("text", ["", "\n\n", "garbage\n", "\udc80\x00\u2028"])
def test_what_is_no_output_of_the_command_is_refused(command: str, text: str) -> None:
    if command == "log":
        pytest.skip("a kernel log may hold any text")
    with pytest.raises(ParseError):
        parse(command, text)


def test_a_command_without_a_parser_is_refused() -> None:
    with pytest.raises(ParseError, match="no parser"):
        parse("eval", "1")
