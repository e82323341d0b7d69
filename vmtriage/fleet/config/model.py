"""What the configuration file holds: one model, closed, every key told in README.md."""

import os
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field

from vmtriage.fleet.config.notifiers import AbsolutePath, AnyNotifier, Web
from vmtriage.fleet.notify.routes import Route, Routes
from vmtriage.fleet.notify.secrets import Secret
from vmtriage.models.base import Model
from vmtriage.settings import Settings

DEFAULT = Path("/etc/vmtriage.toml")


def _without_password(value: str) -> str:
    if "://" in value and "@" in value and ":" in value.partition("://")[2].rpartition("@")[0]:
        raise ValueError("a password does not stand in this file: use store_env or store_file")
    if "://" not in value and not value.startswith("/"):
        raise ValueError("give the whole path, from / on, or an address of a database")
    return value


def _textfile(value: Path) -> Path:
    if value.suffix != ".prom":
        raise ValueError("node_exporter reads only files that end in .prom")
    return value


Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$")]


class Listening(Model):
    """`[listen]`: what `vmtriage listen --config` takes from the file; options win."""

    bind: tuple[str, ...] = ()
    log_dir: AbsolutePath | None = None
    log_size: int = Field(10_000_000, ge=4096)
    quiet_time_s: float = Field(2.0, ge=0.05, le=600)


class Config(Model):
    """The whole file. None: not told; what then holds is the command's affair."""

    shares: tuple[AbsolutePath, ...] = ()
    site: AbsolutePath | None = None
    base_url: Web | None = None  # under which the site is served: links in tickets
    store: Annotated[str, AfterValidator(_without_password)] | None = None
    store_env: str | None = None
    store_file: AbsolutePath | None = None
    jobs: int | None = Field(None, ge=1, le=4096)
    per_share: int = Field(4, ge=1, le=4096)  # dumps at once of one file server
    settle_s: float = Field(30.0, ge=0, le=86400)  # a dump unchanged for so long is finished
    deadline_s: float | None = Field(None, ge=1)  # for one dump and crash
    hosts: AbsolutePath | None = None  # ADDRESS NAME a line
    metrics: Annotated[AbsolutePath, AfterValidator(_textfile)] | None = None
    analysis: Settings | None = None  # only what was told in it counts: see settings()
    listen: Listening = Listening()
    notifiers: dict[Name, AnyNotifier] = Field(default_factory=dict)
    routes: tuple[Route, ...] = ()

    def settings(self) -> Settings:
        """Of the analysis: the environment wins over the file; ValidationError as of Settings."""
        env = Settings.from_environment()
        told = env.model_dump(include=env.model_fields_set)
        return Settings.model_validate({**self._analysis(), **told})

    def environment(self) -> dict[str, str]:
        """The same for a child `vmtriage analyze`: VMTRIAGE_..., those not set already."""
        told = {
            f"VMTRIAGE_{name.upper()}": _text(value) for name, value in self._analysis().items()
        }
        return {name: value for name, value in told.items() if name not in os.environ}

    def _analysis(self) -> dict[str, object]:
        told = self.analysis
        return told.model_dump(include=told.model_fields_set) if told else {}

    def store_address(self) -> str | None:
        """Path or address of the store; BadConfig where its secret cannot be read."""
        if self.store_env or self.store_file:
            secret = Secret(key="store", env=self.store_env, file=self.store_file)
            return secret.read().get_secret_value()
        return self.store

    def routing(self) -> Routes:
        """The routes; without any, all grave problems go to every notifier."""
        if self.routes or not self.notifiers:
            return Routes(routes=self.routes)
        return Routes(routes=(Route(to=tuple(self.notifiers)),))


def _text(value: object) -> str:
    """As Settings.from_environment reads it."""
    if isinstance(value, tuple):
        return os.pathsep.join(map(str, value))
    return "" if value is None else str(int(value) if isinstance(value, bool) else value)
