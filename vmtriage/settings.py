"""What a site can set once, by environment: VMTRIAGE_CRASH, VMTRIAGE_DEBUGINFO_DIRS ..."""

import os
from pathlib import Path
from typing import Annotated

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict


def _cache_home() -> Path | None:
    """The user's cache directory; None where nobody can tell."""
    told = os.environ.get("XDG_CACHE_HOME", "")
    try:
        base = Path(told) if told.startswith("/") else Path.home() / ".cache"
    except RuntimeError:  # no HOME and no entry in passwd
        return None
    return base / "vmtriage"


class Settings(BaseSettings):
    """Defaults of the command line. Times in seconds, sizes in bytes."""

    model_config = SettingsConfigDict(env_prefix="VMTRIAGE_", frozen=True)

    crash: str = "crash"  # name or path of crash(8)
    # searched for a vmlinux before the usual places; in the environment: DIR:DIR
    debuginfo_dirs: Annotated[tuple[Path, ...], NoDecode] = ()
    signatures: Path | None = None  # a directory of signatures instead of the bundled ones
    packs: Annotated[tuple[Path, ...], NoDecode] = ()  # more of them, beside; DIR:DIR
    # where signatures are kept as they were read; empty: nowhere
    cache_dir: Path | None = Field(default_factory=_cache_home)
    start_timeout_s: float = Field(900.0, gt=0)  # until crash's first prompt
    time_factor: float = Field(1.0, gt=0)  # multiplies every command's own time limit
    raw_output_bytes: int = Field(1_000_000, ge=0)  # of each command's output kept in the report

    @field_validator("debuginfo_dirs", "packs", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(Path(part) for part in value.split(os.pathsep) if part)
        return value

    @field_validator("cache_dir", mode="before")
    @classmethod
    def _empty_is_off(cls, value: object) -> object:
        return value or None
