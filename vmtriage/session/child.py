"""Around the child process: which crash, its environment, its words made plain."""

import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from vmtriage.errors import SessionError
from vmtriage.session.limits import Limits

_LAST_WORDS_S = 60.0
_LAST_WORDS_BYTES = 4096


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


def plain(text: str) -> str:
    """Console text without carriage returns and without the prompts of our own lines."""
    whole = text.rstrip("\r\n").replace("\r\n", "\n")
    lines = (line.rpartition("\r")[2] for line in whole.split("\n"))
    noise = re.compile(r"^(?:[\w.+-]+> |\s*(?:decimal|octal|binary): .*$)+")
    return "\n".join(noise.sub("", line) for line in lines).strip("\n")


def last_words(command: Sequence[str], scratch: Path, limits: Limits) -> str:
    """What a crash that ended in silence says with -d1: its last line, "" if that is silent too."""
    said = scratch / "last-words"
    try:
        with said.open("wb") as out:
            subprocess.run(
                command,
                env=environment(scratch),
                cwd=scratch,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                timeout=_LAST_WORDS_S,
                check=False,
                preexec_fn=limits.before_exec(deaf=False),
            )
        text = said.read_bytes()[-_LAST_WORDS_BYTES:].decode("utf-8", "backslashreplace")
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "")


def version_of(command: Sequence[str], scratch: Path) -> str | None:
    """ "8.0.6", as `crash --version` says; None when it says nothing."""
    try:
        said = subprocess.run(
            [*command, "--version"],
            env=environment(scratch),
            cwd=scratch,
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
