"""Compiled templates of the cache: used where they fit, never trusted further than that."""

from pathlib import Path

import pytest
from jinja2 import DictLoader, Environment

from vmtriage.report.compiled import Compiled

PAGE, OTHER = "Hello {{ name }}!", "Good bye {{ name }}."


def rendered(cache: Path, text: str = PAGE) -> str:
    env = Environment(loader=DictLoader({"page": text}), bytecode_cache=Compiled(cache),
                      autoescape=True)  # fmt: skip
    return env.get_template("page").render(name="<web>")


def kept(cache: Path) -> Path:
    (path,) = (each for each in cache.rglob("*") if each.is_file())
    return path


def test_what_was_kept_is_used(tmp_path: Path) -> None:
    assert rendered(tmp_path) == "Hello &lt;web&gt;!"
    path = kept(tmp_path)
    before = path.stat().st_mtime_ns, path.read_bytes()
    assert rendered(tmp_path) == "Hello &lt;web&gt;!"
    assert (path.stat().st_mtime_ns, path.read_bytes()) == before
    path.write_bytes(path.read_bytes().replace(b"Hello ", b"HELLO "))
    assert rendered(tmp_path) == "HELLO &lt;web&gt;!"  # it was not compiled again


def test_another_text_is_compiled_again(tmp_path: Path) -> None:
    rendered(tmp_path)
    assert rendered(tmp_path, OTHER) == "Good bye &lt;web&gt;."


@pytest.mark.parametrize("left", [0, 1, 12, 40, 60, -1], ids="{} bytes".format)
def test_one_that_is_cut_short_is_compiled_again(tmp_path: Path, left: int) -> None:
    rendered(tmp_path)
    path = kept(tmp_path)
    path.write_bytes(path.read_bytes()[:left])
    assert rendered(tmp_path) == "Hello &lt;web&gt;!"


def test_one_that_others_could_write_is_not_run(tmp_path: Path) -> None:
    rendered(tmp_path)
    path = kept(tmp_path)
    path.write_bytes(path.read_bytes().replace(b"Hello ", b"HELLO "))
    path.chmod(0o666)
    assert rendered(tmp_path) == "Hello &lt;web&gt;!"


def test_a_cache_that_cannot_be_written_costs_nothing_but_time(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert rendered(tmp_path / "file") == "Hello &lt;web&gt;!"
