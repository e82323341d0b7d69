"""The kernel log of a dump without crash and without a vmlinux: `makedumpfile --dump-dmesg`."""

import shutil
import subprocess
import tempfile
from pathlib import Path

from vmtriage.errors import SessionError
from vmtriage.session.child import environment
from vmtriage.session.limits import Limits
from vmtriage.session.sandbox import Wanted, choose

NAME = "makedumpfile --dump-dmesg"
_TIMEOUT_S = 120.0
_MAX_BYTES = 64 << 20


def dump_dmesg(dump: Path, wanted: Wanted, limits: Limits) -> str | None:
    """The log's text, read in the sandbox that crash has; None where that cannot be."""
    found = shutil.which("makedumpfile")
    if found is None:
        return None
    with tempfile.TemporaryDirectory(prefix="vmtriage-") as name:
        scratch = Path(name).resolve()
        out = scratch / "dmesg"
        try:
            sandbox = choose(wanted, Path(found), (dump,))
            subprocess.run(
                [*sandbox.command(Path(found), scratch, (dump,)), "--dump-dmesg", dump, out],
                env=environment(scratch), cwd=scratch, stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False,
                timeout=_TIMEOUT_S, preexec_fn=limits.before_exec(deaf=False),
            )  # fmt: skip
            with out.open("rb") as file:
                text = file.read(_MAX_BYTES).decode("utf-8", "backslashreplace")
        except (OSError, subprocess.TimeoutExpired, SessionError):
            return None
    return text if text.strip() else None
