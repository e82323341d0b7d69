"""A fleet's list of alert lines: each is caught by exactly one signature, known noise by none.

A signature that is moved or narrowed breaks such a list silently; this list fails instead.
"""

from pathlib import Path

import pytest

from vmtriage.analysis.samples import match_sample
from vmtriage.analysis.signatures import load

LINES = Path(__file__).parents[1] / "fixtures" / "logs" / "alert-lines.txt"
CASES = [tuple(row.split("\t", 1)) for row in LINES.read_text(encoding="utf-8").splitlines()]
NOISE = "-"
SIGNATURES = load()


def _caught(line: str, folder: Path) -> list[str]:
    (folder / "log.txt").write_text(line + "\n", encoding="utf-8")
    return [match.id for match in match_sample(SIGNATURES, folder)]


@pytest.mark.parametrize(("expected", "line"), CASES)
def test_line_is_caught_by_exactly_one_signature(expected: str, line: str, tmp_path: Path) -> None:
    assert _caught(line, tmp_path) == ([] if expected == NOISE else [expected])


@pytest.mark.parametrize(("expected", "line"), [case for case in CASES if case[0] != NOISE])
@pytest.mark.parametrize("prefix", ["[15941700.780017] ", "Jan 23 03:59:21 db1 kernel: "])
def test_prefix_of_the_log_changes_nothing(
    prefix: str, expected: str, line: str, tmp_path: Path
) -> None:
    message = line.rsplit("] mce:", 1)
    bare = f"mce:{message[1]}" if len(message) == 2 else line
    assert _caught(prefix + bare, tmp_path) == [expected]
