"""README and CONTRIBUTING say what is true: every command, option, path and target they name."""

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from vmtriage.cli import main
from vmtriage.models.logreport import LOG_SCHEMA, LogIncident, LogReport
from vmtriage.settings import Settings

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
DOCUMENTS = [
    ROOT / name
    for name in (
        "README.md", "CONTRIBUTING.md", "CHANGELOG.md", "Makefile", "Dockerfile", ".ci/run",
        ".ci/venv", ".ci/lock", ".ci/docker-proof",
    )
]  # fmt: skip
TARGETS = set(re.findall(r"^([a-z-]+):", MAKEFILE, re.MULTILINE))


def commands(command: click.Command, name: str = "vmtriage") -> Iterator[tuple[str, click.Command]]:
    yield name, command
    if isinstance(command, click.Group):
        for key, inner in command.commands.items():
            yield from commands(inner, f"{name} {key}")


COMMANDS = dict(commands(main))


@pytest.mark.parametrize("name", COMMANDS)
def test_readme_names_every_command_and_option(name: str) -> None:
    command = COMMANDS[name]
    assert re.search(rf"\b{re.escape(name)}\b", README)
    assert command.help, f"{name} has no help"
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            for option in parameter.opts:
                assert re.search(rf"[`\[ ]{re.escape(option)}[`\] ,=]", README), option


@pytest.mark.parametrize("name", ["vmtriage analyze", "vmtriage log", "vmtriage listen"])
def test_readme_promises_no_option_that_is_not_there(name: str) -> None:
    section = README.partition(f"### {name}\n")[2].partition("\n### ")[0]
    cells = re.findall(r"^\| (.*?) \|", section, re.MULTILINE)
    told = set(re.findall(r"`(--[a-z-]+)", " ".join(cells)))
    params = COMMANDS[name].params
    assert told == {opt for each in params for opt in each.opts if opt.startswith("--")}


def test_readme_names_what_the_log_object_holds() -> None:
    section = README.partition("### vmtriage log\n")[2].partition("\n### ")[0]
    table = section.partition("| name | holds |\n")[2]
    told = set(re.findall(r"`(\w+)`", " ".join(re.findall(r"^\| (.*?) \|", table, re.MULTILINE))))
    assert {"file", "incidents", "primary"} <= told <= set(LogReport.model_fields)
    of_each = table.partition("| `incidents` | ")[2].partition(" ... ")[0]
    names = {"class" if n == "crash_class" else n for n in LogIncident.model_fields}
    assert set(of_each.split(", ")) <= names
    assert f"`{LOG_SCHEMA}`" in section


def test_planned_commands_are_not_there_yet() -> None:
    planned = README.partition("**Planned, not there yet:**")[2].partition("\n\n")[0]
    named = set(re.findall(r"`vmtriage (\w+)`", planned))
    assert named
    assert not {f"vmtriage {each}" for each in named} & set(COMMANDS)


def code_lines(text: str) -> list[str]:
    blocks = re.findall(r"^```\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    return [line for block in blocks for line in block.splitlines()]


BUNDLED = [
    line
    for line in code_lines(README)
    if line.startswith("vmtriage ")
    and "[" not in line
    and not re.search(r"VMCORE|HOST-DATE|[$]", line)
]


def test_readme_has_commands_on_bundled_files() -> None:
    assert len(BUNDLED) >= 5


@pytest.mark.parametrize("line", BUNDLED)
def test_command_of_readme_runs(line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    done = CliRunner().invoke(main, shlex.split(line, comments=True)[1:])
    assert done.exit_code == 0, done.output
    assert done.output.strip()


def test_verdict_in_readme_is_what_the_demo_prints() -> None:
    block = next(line for line in code_lines(README) if line.startswith("VERDICT"))
    shown = README[README.index(block) :].partition("```")[0]
    demo = re.search(r"^DEMO := (\S+)", MAKEFILE, re.MULTILINE)
    assert demo
    done = CliRunner().invoke(main, ["analyze", str(ROOT / demo[1])])
    assert done.output.startswith(shown)


def test_exit_codes_are_those_of_the_help() -> None:
    told = set(map(int, re.findall(r"^\| (\d+) \|", README, re.MULTILINE)))
    helped = main.help or ""
    assert told == set(
        map(int, re.findall(r"\b(\d{1,2})(?= [a-z(]|\.)", helped.split("codes:")[1]))
    )


def test_readme_names_every_setting() -> None:
    told = set(re.findall(r"`VMTRIAGE_([A-Z_]+)`", README))
    assert told == {name.upper() for name in Settings.model_fields}


def test_defaults_are_those_of_the_settings() -> None:
    rows = re.findall(r"^\| `VMTRIAGE_([A-Z_]+)` \|.*\| `?(\w+)`? \|$", README, re.MULTILINE)
    told = {name.lower(): default for name, default in rows}
    defaults = {name: field.get_default() for name, field in Settings.model_fields.items()}
    numbers = {name: each for name, each in defaults.items() if isinstance(each, (int, float))}
    assert {name: float(told[name]) for name in numbers} == numbers
    assert told["crash"] == defaults["crash"]


def test_debuginfo_dirs_are_given_as_readme_says(monkeypatch: pytest.MonkeyPatch) -> None:
    found = re.search(r"directories to search first: `(.+?)`", README)
    assert found
    monkeypatch.setenv("VMTRIAGE_DEBUGINFO_DIRS", found[1])
    assert Settings.from_environment().debuginfo_dirs == (
        Path("/srv/debuginfo"),
        Path("/mnt/debuginfo"),
    )


@pytest.mark.parametrize("text", [README, CONTRIBUTING], ids=["README", "CONTRIBUTING"])
def test_make_targets_exist(text: str) -> None:
    named = re.findall(r"(?:`|^)make ([a-z-]+(?: [a-z-]+)*)", text, re.MULTILINE)
    targets = {word for words in named for word in words.split()}
    assert {"test"} <= targets
    assert targets <= TARGETS


def test_make_help_lists_every_target() -> None:
    done = subprocess.run(
        ["make", "-s", "help"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert set(re.findall(r"^  make (\S+)", done.stdout, re.MULTILINE)) == TARGETS


TREE = (
    "vmtriage/", "signatures/", "fixtures/", "tests/", "reports/", ".ci/", "Makefile", "Dockerfile",
    "pyproject.toml", "requirements.lock", "README.md", "CHANGELOG.md", "CONTRIBUTING.md",
    "LICENSE",
)  # fmt: skip
STANDS_FOR_SOMETHING = re.compile(
    r"\b(?:NAME|COMMAND|CASE|SUBSYSTEM|ID)\b|/\.cache|^vmtriage/(?:report|log)/1$"
)


def named_paths(text: str) -> set[str]:
    words = {word.rstrip(".") for word in re.findall(r"(?<![\w/.-])[\w.][\w./-]*", text)}
    return {w for w in words if w.startswith(TREE) and not STANDS_FOR_SOMETHING.search(w)}


@pytest.mark.parametrize("text", [README, CONTRIBUTING], ids=["README", "CONTRIBUTING"])
def test_paths_exist(text: str) -> None:
    paths = named_paths(text)
    assert len(paths) > 5
    assert [path for path in sorted(paths) if not (ROOT / path).exists()] == []


@pytest.mark.parametrize(
    ("path", "names"),
    [
        ("vmtriage/parsers/table.py", ["PARSERS"]),
        ("vmtriage/session/commands.py", ["CrashCommand", "PLAN"]),
        ("vmtriage/analysis/collect.py", ["_FILLS"]),
        ("vmtriage/models/evidence.py", ["Facts", "Problem", "Evidence"]),
        ("vmtriage/models/base.py", ["Model", "Note"]),
        ("fixtures/lab/scenarios.py", ["Scenario"]),
    ],
)
def test_names_in_contributing_are_those_of_the_code(path: str, names: list[str]) -> None:
    code = (ROOT / path).read_text(encoding="utf-8")
    for name in names:
        assert f"`{name}`" in CONTRIBUTING
        assert re.search(rf"^(?:class )?{name}\b", code, re.MULTILINE)


def test_scenario_in_contributing_is_listed_by_the_lab() -> None:
    (name,) = set(re.findall(r"make lab SCENARIO=(\w+)", CONTRIBUTING))
    done = subprocess.run(
        [sys.executable, "-m", "fixtures.lab", "list"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert name in re.findall(r"^\S+", done.stdout, re.MULTILINE)


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_nothing_of_one_machine_is_left(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text
    assert not re.findall(r"/(?:work|home|root|farm)/\S*|/opt/(?:pypi|wheels)\S*|\.pyenv", text)
    assert not re.findall(r"https?://(?:deb|snapshot|pypi|files)\.\S+", text)


def test_screenshot_is_small() -> None:
    shown = re.findall(r"!\[.*?\]\((.+?)\)", README)
    assert shown
    for path in shown:
        assert (ROOT / path).stat().st_size < 300_000
