"""What a site can set once, by environment: VMTRIAGE_CRASH, VMTRIAGE_DEBUGINFO_DIRS ..."""

import os
from pathlib import Path
from typing import Annotated

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict


class Settings(BaseSettings):
    """Defaults of the command line. Times in seconds, sizes in bytes."""

    model_config = SettingsConfigDict(env_prefix="VMTRIAGE_", frozen=True)

    crash: str = "crash"  # name or path of crash(8)
    # searched for a vmlinux before the usual places; in the environment: DIR:DIR
    debuginfo_dirs: Annotated[tuple[Path, ...], NoDecode] = ()
    signatures: Path | None = None  # a directory of signatures instead of the bundled ones
    start_timeout_s: float = Field(900.0, gt=0)  # until crash's first prompt
    time_factor: float = Field(1.0, gt=0)  # multiplies every command's own time limit
    raw_output_bytes: int = Field(1_000_000, ge=0)  # of each command's output kept in the report

    @field_validator("debuginfo_dirs", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(Path(part) for part in value.split(os.pathsep) if part)
        return value
