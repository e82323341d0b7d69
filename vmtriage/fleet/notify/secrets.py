"""Secrets: read where they are used, from the environment or a private file, and never shown."""

import base64
import os
import stat
import urllib.parse
from collections.abc import Iterable
from pathlib import Path

from pydantic import SecretStr

from vmtriage.errors import BadConfig
from vmtriage.models.base import Model

_MOST = 65536  # bytes: a mistaken path may be a dump
MASK = "***"


class Secret(Model):
    """Where a secret stands: a variable's name or a file's path, of which it is all there is."""

    key: str  # as in the configuration: "token"
    env: str | None = None
    file: Path | None = None

    def read(self) -> SecretStr:
        """The secret; BadConfig says what to do, and nothing of the secret itself."""
        if self.env is not None:
            value = os.environ.get(self.env, "").strip()
            if not value:
                raise BadConfig(
                    f"{self.key}_env: {self.env} is not set in the environment",
                    next_step=f"set {self.env}, or use {self.key}_file",
                )
            return SecretStr(value)
        assert self.file is not None
        return SecretStr(_private(self.file, f"{self.key}_file"))

    def problem(self) -> str:
        """Why it cannot be read here and now; empty: it can."""
        try:
            self.read()
        except BadConfig as error:
            return f"{error.message}; {error.next_step}"
        return ""


def _private(path: Path, key: str) -> str:
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        raise _bad(key, path, f"{error.strerror}", "make it readable for this user") from error
    with os.fdopen(file, "rb") as opened:
        status = os.fstat(file)
        if not stat.S_ISREG(status.st_mode):
            raise _bad(key, path, "is no regular file", "write the secret into a file of its own")
        if status.st_mode & 0o177 and not _of_systemd(path):
            mode = stat.S_IMODE(status.st_mode)
            raise _bad(key, path, f"has mode {mode:04o}, others could read it",
                       f"chmod 600 {path}")  # fmt: skip
        if status.st_uid not in (0, os.geteuid()):
            raise _bad(key, path, f"belongs to user {status.st_uid}", f"chown root {path}")
        value = opened.read(_MOST + 1)
    try:
        text = value.decode().strip()
    except UnicodeDecodeError:
        text = ""
    if not text or len(value) > _MOST:
        raise _bad(key, path, "holds no secret", "write the secret into it, as text")
    return text


def _of_systemd(path: Path) -> bool:
    """LoadCredential= has a directory of the service's own; the mode may show an ACL's mask."""
    return str(path.parent) == os.environ.get("CREDENTIALS_DIRECTORY")


def _bad(key: str, path: Path, what: str, then: str) -> BadConfig:
    return BadConfig(f"{key}: {path} {what}", next_step=then)


def basic(user: str, password: str) -> SecretStr:
    """HTTP's Basic authorization."""
    both = base64.b64encode(f"{user}:{password}".encode()).decode()
    return SecretStr(f"Basic {both}")


def masked(text: str, secrets: Iterable[SecretStr]) -> str:
    """The text without them, in whatever form a server or library may repeat them."""
    for secret in secrets:
        for each in sorted(_forms(secret.get_secret_value()), key=len, reverse=True):
            text = text.replace(each, MASK)
    return text


def _forms(value: str) -> set[str]:
    words = {value, *value.split()}  # "Bearer xyz"
    words |= {part for word in words for part in _decoded(word)}
    whole = {each for each in words if len(each) >= 6 and each not in ("Bearer", "Basic")}
    quoted = {urllib.parse.quote(each, safe="") for each in whole}
    encoded = {base64.b64encode(each.encode()).decode() for each in whole}
    return whole | quoted | encoded


def _decoded(word: str) -> set[str]:
    """User and password of HTTP's Basic."""
    try:
        text = base64.b64decode(word, validate=True).decode()
    except ValueError:
        return set()
    return {text, text.partition(":")[2]} if ":" in text else set()
