"""The site's own command that fetches a vmlinux: `fetch-vmlinux {release} {build_id} {output}`."""

import os
import re
import resource
import shlex
import signal
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path

from vmtriage.errors import BadSetting
from vmtriage.models.dump import DumpInfo
from vmtriage.source.debuginfo.trail import Unusable

_FIELD = re.compile(r"\{(\w*)\}")
_SAFE = {  # none begins with a dash: a value is never an option
    "release": re.compile(r"[A-Za-z0-9][\w.+~-]{0,63}"),
    "build_id": re.compile(r"[0-9a-f]{8,128}"),
}
_LAST_WORDS = 300


def words_of(template: str) -> list[str]:
    """The command's words, its fields not filled in yet. BadSetting if it cannot be meant."""
    try:
        words = shlex.split(template)
    except ValueError as error:
        raise _bad(template, str(error)) from error
    fields = {name for word in words for name in _FIELD.findall(word)}
    if unknown := fields - {*_SAFE, "output"}:
        raise _bad(template, f"nobody knows {{{min(unknown)}}}")
    if not words or "output" not in fields:
        raise _bad(template, "it does not say {output}")
    return words


def run(template: str, dump: DumpInfo, output: Path, timeout_s: float, max_bytes: int) -> None:
    """Runs it, without a shell, until `output` is there. Unusable says what went wrong."""
    values = {"release": dump.release, "build_id": dump.build_id, "output": str(output)}
    words = [_filled(word, values) for word in words_of(template)]
    with tempfile.TemporaryFile() as said:
        try:
            child = subprocess.Popen(
                words,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except OSError as error:
            raise Unusable(f"{words[0]}: {error.strerror}") from error
        try:
            with suppress(OSError):  # it may be over already
                resource.prlimit(child.pid, resource.RLIMIT_FSIZE, (max_bytes, max_bytes))
            code = child.wait(timeout_s)
        except subprocess.TimeoutExpired:
            raise Unusable(f"not done after {timeout_s:g} s") from None
        finally:
            with suppress(ProcessLookupError, PermissionError):  # what it left running, too
                os.killpg(child.pid, signal.SIGKILL)
            child.wait()
        if code != 0:
            raise Unusable(f"ended with {code}{_last_words(said.fileno())}")
        if not output.is_file():
            raise Unusable(f"ended well, but wrote no file{_last_words(said.fileno())}")


def _filled(word: str, values: dict[str, str | None]) -> str:
    def value(field: re.Match[str]) -> str:
        name, known = field[1], values[field[1]]
        if known is None:
            raise Unusable(f"the dump does not say its {name.replace('_', '-')}")
        if name in _SAFE and not _SAFE[name].fullmatch(known):
            raise Unusable(f"the dump's {name.replace('_', '-')} is of no safe form")
        return known

    return _FIELD.sub(value, word)


def _last_words(descriptor: int) -> str:
    size = os.fstat(descriptor).st_size
    raw = os.pread(descriptor, _LAST_WORDS, max(0, size - _LAST_WORDS))
    lines = [line.strip() for line in raw.decode("utf-8", "replace").splitlines() if line.strip()]
    told = "".join(each for each in lines[-1] if each.isprintable()) if lines else ""
    return f": {told}" if told else ""


def _bad(template: str, why: str) -> BadSetting:
    return BadSetting(
        f"VMTRIAGE_DEBUGINFO_COMMAND={template!r}: {why}",
        next_step="write it as `fetch-vmlinux {release} {build_id} {output}`: {output} is the file"
        " to write, {release} and {build_id} may be left out",
    )
