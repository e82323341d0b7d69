"""A PostgreSQL server of the tests' own: started once, on a socket, gone with the process."""

import atexit
import ctypes
import functools
import itertools
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import pytest

_PR_SET_PDEATHSIG = 1
_CONFIGURATION = {
    "listen_addresses": "",
    "fsync": "off",
    "max_connections": "60",
    "shared_buffers": "32MB",
}
PACKAGE = "postgresql"  # Debian's
_numbers = itertools.count(1)


def database_url() -> str:
    """A new, empty database. Without a server the test is skipped; where it is required, fails."""
    home = _server()
    name = f"test{next(_numbers)}"
    _run(home, "createdb", "-h", home, "-U", "postgres", "-T", "template0", name)
    return f"postgresql://postgres@/{name}?host={home}"


def binaries() -> Path | None:
    """Where Debian and others keep initdb and postgres."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=_version)
    elsewhere = shutil.which("initdb")
    if found:
        return found[-1].parent
    return Path(elsewhere).parent if elsewhere else None


def _version(path: Path) -> float:
    return float(path.parent.parent.name)


@functools.cache
def _server() -> Path:
    """Its directory, which has its socket, too."""
    if binaries() is None:
        lacking = f"PostgreSQL is not installed: apt-get install {PACKAGE}"
        if os.environ.get("VMTRIAGE_LIVE") == "required":
            pytest.fail(lacking)
        pytest.skip(lacking)
    home = Path(tempfile.mkdtemp(prefix="vmtriage-pg-"))
    if user := _user():
        entry = pwd.getpwnam(user)
        os.chown(home, entry.pw_uid, entry.pw_gid)
    _run(home, "initdb", "-D", home / "data", "-A", "trust", "-U", "postgres", "-E", "UTF8",
         "--locale=C", "--no-sync")  # fmt: skip
    settings = [
        word for name, value in _CONFIGURATION.items() for word in ("-c", f"{name}={value}")
    ]
    log = (home / "log").open("w")
    server = subprocess.Popen(
        [str(_program("postgres")), "-D", str(home / "data"), "-k", str(home),
         *settings],
        cwd=home, stdout=log, stderr=log, preexec_fn=_die_with_us, **_identity(),
    )  # fmt: skip
    atexit.register(_stop, server, home)
    while subprocess.run([_program("pg_isready"), "-q", "-h", home], check=False).returncode:
        if server.poll() is not None:
            pytest.fail((home / "log").read_text())
        time.sleep(0.05)
    return home


def _run(home: Path, program: str, *arguments: str | Path) -> None:
    command = [str(_program(program)), *map(str, arguments)]
    done = subprocess.run(command, cwd=home, capture_output=True, text=True, check=False,
                          **_identity())  # fmt: skip
    if done.returncode:
        pytest.fail(f"{program}: {done.stderr}")


def _program(name: str) -> Path:
    directory = binaries()
    assert directory is not None
    return directory / name


def _user() -> str | None:
    """initdb refuses root."""
    if os.geteuid() != 0:
        return None
    return "postgres" if "postgres" in (each.pw_name for each in pwd.getpwall()) else "nobody"


def _identity() -> dict[str, Any]:
    user = _user()
    if user is None:
        return {}
    entry = pwd.getpwnam(user)
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


def _die_with_us() -> None:
    """Also where pytest itself is killed."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGQUIT), 0, 0, 0)


def _stop(server: "subprocess.Popen[bytes]", home: Path) -> None:
    server.send_signal(signal.SIGQUIT)
    server.wait()
    shutil.rmtree(home, ignore_errors=True)
