"""What a site can set once, by environment: VMTRIAGE_CRASH, VMTRIAGE_DEBUGINFO_DIRS ..."""

import os
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator


def _cache_home() -> Path | None:
    """The user's cache directory; None where nobody can tell."""
    told = os.environ.get("XDG_CACHE_HOME", "")
    try:
        base = Path(told) if told.startswith("/") else Path.home() / ".cache"
    except RuntimeError:  # no HOME and no entry in passwd
        return None
    return base / "vmtriage"


class Settings(BaseModel):
    """Defaults of the command line. Times in seconds, sizes in bytes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    crash: str = "crash"  # name or path of crash(8)
    # searched for a vmlinux before the usual places; in the environment: DIR:DIR
    debuginfo_dirs: tuple[Path, ...] = ()
    # the site's own way to a vmlinux: `fetch-vmlinux {release} {build_id} {output}`
    debuginfo_command: str | None = None
    fetch: bool = True  # whether that command, or a server of DEBUGINFOD_URLS, may be asked
    fetch_timeout_s: float = Field(3600.0, gt=0)  # of one command or download
    signatures: Path | None = None  # a directory of signatures instead of the bundled ones
    packs: tuple[Path, ...] = ()  # more of them, beside; DIR:DIR
    # where signatures are kept as they were read; empty: nowhere
    cache_dir: Path | None = Field(default_factory=_cache_home)
    slim: bool = True  # crash reads a slim namelist, where one can be had
    start_timeout_s: float = Field(900.0, gt=0)  # until crash's first prompt
    time_factor: float = Field(1.0, gt=0)  # multiplies every command's own time limit
    budget_s: float = Field(1800.0, gt=0)  # for all that crash is asked of one dump
    memory_bytes: int | None = Field(None, gt=0)  # of crash; None: 8 GB, or 3/4 of the machine's
    sandbox: Literal["auto", "bubblewrap", "limits"] = "auto"
    raw_output_bytes: int = Field(1_000_000, ge=0)  # of each command's output kept in the report

    @classmethod
    def from_environment(cls) -> "Settings":
        """VMTRIAGE_<NAME> for each field; ValidationError for a value that cannot be."""
        # a settings library would cost every start a twentieth of a second more
        names = {name: f"VMTRIAGE_{name.upper()}" for name in cls.model_fields}
        told = {name: os.environ[key] for name, key in names.items() if key in os.environ}
        return cls.model_validate(told)

    @field_validator("debuginfo_dirs", "packs", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(Path(part) for part in value.split(os.pathsep) if part)
        return value

    @field_validator("cache_dir", "debuginfo_command", mode="before")
    @classmethod
    def _empty_is_off(cls, value: object) -> object:
        return value or None
