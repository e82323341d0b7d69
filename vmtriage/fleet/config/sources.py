"""Whether the secrets that a configuration names can be read."""

from collections.abc import Iterator
from pathlib import Path

from vmtriage.errors import BadConfig
from vmtriage.fleet.config.model import Config
from vmtriage.fleet.notify.secrets import Secret


def wrong_files(config: Config, path: Path) -> None:
    """BadConfig with every file of a secret that others can read, or that is no file."""
    wrong = [(name, each.problem()) for name, each in _secrets(config) if each.file is not None]
    lines = [f"{path}: {name}: {why}" for name, why in wrong if why]
    if lines:
        raise BadConfig("\n".join(lines), next_step=f"check it again: vmtriage config check {path}")


def unreadable(config: Config) -> Iterator[str]:
    """A line for each variable that is not set here."""
    for name, each in _secrets(config):
        if each.env is not None and (why := each.problem()):
            yield f"{name}: {why}"


def _secrets(config: Config) -> Iterator[tuple[str, Secret]]:
    if config.store_env or config.store_file:
        yield "store", Secret(key="store", env=config.store_env, file=config.store_file)
    for name, each in config.notifiers.items():
        for key in each.secrets:
            if secret := each.secret(key):
                yield f"notifiers.{name}", secret
