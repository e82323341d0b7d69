"""Around the child process: which crash, its environment, its limits, its words made plain."""

import os
import re
import resource
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from vmtriage.errors import SessionError

_MAX_OUTPUT_BYTES = 1 << 30  # a flood must not fill the disk of the analysis host


def find_crash(configured: str) -> Path:
    """The crash binary to use; a clear error when there is none."""
    found = shutil.which(configured)
    if found is None:
        raise SessionError(
            f"crash(8) not found: {configured}",
            next_step="install it (Debian: apt install crash; RHEL: dnf install crash),"
            " or name it with --crash",
        )
    return Path(found).absolute()


def environment(private: Path) -> dict[str, str]:
    """Nothing of the caller's: an empty HOME, no rc files, no colours, UTC, the C locale."""
    home = str(private)
    return {
        "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
        "HOME": home,
        "XDG_CONFIG_HOME": home,
        "TMPDIR": home,
        "INPUTRC": "/dev/null",
        "TERM": "dumb",
        "TZ": "UTC",
        "LC_ALL": "C",
    }


def limits() -> None:
    """Runs in the child before crash: private files, no core dump, no endless output."""
    os.umask(0o077)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (_MAX_OUTPUT_BYTES, _MAX_OUTPUT_BYTES))


def plain(text: str) -> str:
    """Console text without carriage returns and without the prompts of our own lines."""
    whole = text.rstrip("\r\n").replace("\r\n", "\n")
    lines = (line.rpartition("\r")[2] for line in whole.split("\n"))
    noise = re.compile(r"^(?:[\w.+-]+> |\s*(?:decimal|octal|binary): .*$)+")
    return "\n".join(noise.sub("", line) for line in lines).strip("\n")


def last_words(
    crash: Path, files: Sequence[Path], environment: dict[str, str], timeout_s: float = 60.0
) -> str:
    """What a crash that ended in silence says with -d1: its last line, "" if that is silent too."""
    try:
        said = subprocess.run(
            [crash, "-d1", "-s", "--no_crashrc", *files],
            env=environment,
            cwd=environment["HOME"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=timeout_s,
            check=False,
        ).stdout.decode("utf-8", "backslashreplace")
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return next((line.strip() for line in reversed(said.splitlines()) if line.strip()), "")


def version_of(crash: Path, environment: dict[str, str]) -> str | None:
    """ "8.0.6", as `crash --version` says; None when it says nothing."""
    try:
        said = subprocess.run(
            [crash, "--version"],
            env=environment,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=30,
            check=False,
            stdin=subprocess.DEVNULL,
        ).stdout
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = re.search(r"^crash (\S+)", said, re.MULTILINE)
    return found[1] if found else None
