"""What a site can set once, by environment: VMTRIAGE_CRASH, VMTRIAGE_DEBUGINFO_DIRS ..."""

from pathlib import Path

from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Defaults of the command line. Times in seconds, sizes in bytes."""

    model_config = SettingsConfigDict(env_prefix="VMTRIAGE_", frozen=True)

    crash: str = "crash"  # name or path of crash(8)
    debuginfo_dirs: tuple[Path, ...] = ()  # searched for a vmlinux before the usual places
    signatures: Path | None = None  # a directory of signatures instead of the bundled ones
    start_timeout_s: float = 900.0  # until crash's first prompt
    time_factor: float = 1.0  # multiplies every command's own time limit
    raw_output_bytes: int = 200_000  # of each command's output kept in the report
