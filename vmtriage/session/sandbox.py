"""Walls around crash: it reads a stranger's dump, so it sees that, the namelist and nothing else.

With bubblewrap: no network, no other processes, no files but these (not the dump's neighbours), all
of them read-only, no capabilities; one private directory may be written. Without it, or where the
kernel forbids it: the limits of `session.limits` alone, and the report says so.
"""

import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from vmtriage.errors import SessionError
from vmtriage.models.conditions import SandboxKind

Wanted = Literal["auto", "bubblewrap", "limits"]

_ROOTS = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")  # beside /usr, or links into it
_LOADER = ("ld.so.cache", "ld.so.conf", "ld.so.conf.d", "alternatives")  # of /etc
_WALLS = (
    "--unshare-all", "--die-with-parent", "--cap-drop", "ALL", "--proc", "/proc", "--dev", "/dev",
)  # fmt: skip
_PROBE = 'for each; do [ -r "$each" ] || exit 9; done'  # in there, root may read less
_PROBE_TIMEOUT_S = 10.0


@dataclass(frozen=True)
class Sandbox:
    """How crash is confined. bwrap None: by limits alone, `reason` says why."""

    bwrap: Path | None = None
    reason: str = ""
    more: tuple[Path, ...] = ()  # further files and directories to show

    @property
    def kind(self) -> SandboxKind:
        """The name that stands in the report."""
        return "limits" if self.bwrap is None else "bubblewrap"

    def command(self, program: Path, scratch: Path, readable: Sequence[Path]) -> list[str]:
        """The words that start `program` with only `scratch` to write and `readable` to read."""
        if self.bwrap is None:
            return [str(program)]
        real = program.resolve()
        temporary = scratch / "tmp"  # crash's own temporary files go to /tmp, whatever TMPDIR says
        temporary.mkdir(mode=0o700, exist_ok=True)
        told = [
            *_system(), "--bind", str(temporary), "/tmp", *_binds(real, (*readable, *self.more)),
            "--bind", str(scratch), str(scratch),
            "--remount-ro", "/dev", "--remount-ro", "/", "--chdir", str(scratch),
        ]  # fmt: skip
        return [str(self.bwrap), *_WALLS, *told, "--", str(real)]


def choose(wanted: Wanted, program: Path, readable: Sequence[Path]) -> Sandbox:
    """Bubblewrap where it is and works for this program and these files, tried once."""
    return choosing(wanted, program, readable)()


def choosing(
    wanted: Wanted, program: Path, readable: Sequence[Path]
) -> Callable[[], Sandbox]:  # fmt: skip
    """The same begun: other things can be done until the answer is asked for, by a call."""
    bwrap = shutil.which("bwrap") if wanted != "limits" else None
    if bwrap is None:
        why = "VMTRIAGE_SANDBOX=limits" if wanted == "limits" else "bubblewrap is not installed"
        return lambda: _settled(wanted, None, why)
    sandbox = Sandbox(Path(bwrap))
    trial = _Trial(sandbox, program, readable)
    return lambda: _settled(wanted, sandbox, trial.why_not())


def _settled(wanted: Wanted, sandbox: Sandbox | None, why: str) -> Sandbox:
    if sandbox is not None and not why:
        return sandbox
    if wanted == "bubblewrap":
        raise SessionError(
            f"VMTRIAGE_SANDBOX=bubblewrap, but {why}",
            next_step="install bubblewrap and allow unprivileged user namespaces, or set"
            " VMTRIAGE_SANDBOX=auto to do with limits",
        )
    return Sandbox(reason=why)


class _Trial:
    """A shell in crash's place that tries to read the files."""

    def __init__(self, sandbox: Sandbox, program: Path, readable: Sequence[Path]) -> None:
        self._scratch = tempfile.TemporaryDirectory(prefix="vmtriage-")
        *walls, _ = sandbox.command(program, Path(self._scratch.name), readable)
        self._child: subprocess.Popen[bytes] | None = None
        self._failed = ""
        try:
            self._child = subprocess.Popen(
                [*walls, "/bin/sh", "-c", _PROBE, "probe", program.resolve(), *readable],
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
            )  # fmt: skip
        except OSError as error:
            self._failed = f"bubblewrap does not work here: {error}"

    def why_not(self) -> str:
        """What is wrong with the sandbox; "" for nothing. Waits for the shell."""
        with self._scratch:
            if self._child is None:
                return self._failed
            try:
                _, raw = self._child.communicate(timeout=_PROBE_TIMEOUT_S)
            except subprocess.TimeoutExpired as error:
                self._child.kill()
                self._child.communicate()
                return f"bubblewrap does not work here: {error}"
        said = raw.decode("utf-8", "backslashreplace").strip().splitlines()
        code = self._child.returncode
        if code == 0:
            return ""
        if code == 9 and not said:
            return "the dump, the namelist or crash cannot be read inside of bubblewrap"
        return f"bubblewrap does not work here: {said[-1] if said else f'exit {code}'}"


def _system() -> Iterator[str]:
    """The system's programs and libraries, read-only."""
    yield from ("--ro-bind", "/usr", "/usr")
    for name in _ROOTS:
        path = Path("/", name)
        if path.is_symlink():
            yield from ("--symlink", str(path.readlink()), str(path))
        elif path.is_dir():
            yield from ("--ro-bind", str(path), str(path))
    for name in _LOADER:
        yield from ("--ro-bind-try", f"/etc/{name}", f"/etc/{name}")


def _binds(program: Path, readable: Sequence[Path]) -> Iterator[str]:
    """crash with the files it came with, and each readable file for itself."""
    home = program.parent
    beside = (home, home.parent / "lib", home.parent / "lib64") if home.name == "bin" else (home,)
    for path in (*beside, *readable):
        if path.exists() and not path.is_relative_to("/usr"):
            yield from ("--ro-bind", str(path), str(path))
    for path in readable:  # where gdb looks for a namelist's separate debuginfo
        for name in (f"{path.name}.debug", f".debug/{path.name}.debug"):
            if (debug := path.parent / name).is_file():
                yield from ("--ro-bind", str(debug), str(debug))
