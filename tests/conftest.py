"""Fixtures that every test may use."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from fixtures import lab

if TYPE_CHECKING:
    from vmtriage.store.base import Store

# A busy machine is slow, not wrong: only results are tested, never the clock.
settings.register_profile("vmtriage", deadline=None)
settings.load_profile("vmtriage")

Golden = Callable[[Path, str], None]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden", action="store_true", help="write golden files; review the git diff"
    )


def pytest_configure(config: pytest.Config) -> None:
    os.environ.setdefault("VMTRIAGE_CACHE_DIR", "")  # tests leave nothing in anybody's home
    if config.getoption("--update-golden") and os.environ.get("CI"):
        raise pytest.UsageError("--update-golden is refused in CI: goldens are reviewed by people")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Live tests that cannot run say so one by one; where they are required they fail."""
    if os.environ.get("VMTRIAGE_LIVE") == "required" or not (lacking := lab.missing()):
        return
    for item in items:
        if item.get_closest_marker("live"):
            item.add_marker(pytest.mark.skip(reason="the lab lacks " + ", ".join(lacking)))


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Golden:
    """Compare text with a golden file; a missing one fails."""

    def check(path: Path, got: str) -> None:
        if request.config.getoption("--update-golden"):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(got, encoding="utf-8")
        elif not path.exists():
            pytest.fail(f"{path} is missing: run pytest --update-golden and review the git diff")
        assert got == path.read_text(encoding="utf-8")

    return check


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty store, on each kind of database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/store.sqlite"
    from tests.postgresql import database_url

    return database_url()


@pytest.fixture
def store(store_url: str) -> "Iterator[Store]":
    """The same, opened."""
    from vmtriage.store.opening import open_store

    with open_store(store_url) as opened:
        yield opened
