"""Signatures as they were read last time: YAML is slow, and they seldom change.

One file per knowledge base. Whatever is wrong with it (another user's, damaged, stale, no room),
it is passed over and the YAML is read: the cache never changes an answer.
"""

import hashlib
import json
import os
from collections.abc import Sequence
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from vmtriage import __version__
from vmtriage.analysis import private_file
from vmtriage.models import signature as model
from vmtriage.models.signature import Signature

_LIST = TypeAdapter(tuple[Signature, ...])


class SignatureCache:
    """The cached signatures of one directory. Without a cache directory it does nothing."""

    def __init__(self, directory: Path | None, root: Path, files: Sequence[Path]) -> None:
        name = hashlib.sha256(os.fsencode(root)).hexdigest()[:16]
        self._path = directory / f"signatures-{name}.json" if directory else None
        self._key = _key(root, files) if directory else b""

    def read(self) -> tuple[Signature, ...] | None:
        """The signatures, if they were cached for exactly these files; None: read the files."""
        if self._path is None:
            return None
        head, _, body = (private_file.read(self._path) or b"").partition(b"\n")
        if head != _head(self._key, body):
            return None
        try:
            return _LIST.validate_json(body)
        except ValidationError:
            return None

    def write(self, signatures: Sequence[Signature]) -> None:
        """Keeps them for next time, whole or not at all."""
        if self._path is None:
            return
        body = _LIST.dump_json(tuple(signatures))
        private_file.write(self._path, _head(self._key, body) + b"\n" + body)


def _head(key: bytes, body: bytes) -> bytes:
    return key + b" " + hashlib.sha256(body).hexdigest().encode()


def _key(root: Path, files: Sequence[Path]) -> bytes:
    """What the files look like from outside: names, times, sizes; and who reads them."""
    seen: list[object] = [__version__, _identity(Path(model.__file__))]
    for path in files:
        seen.append((os.path.relpath(path, root), *_identity(path)))
    return hashlib.sha256(json.dumps(seen).encode()).hexdigest().encode()


def _identity(path: Path) -> tuple[int, int]:
    try:
        found = os.stat(path)  # noqa: PTH116 - at every start, for every signature
    except OSError:
        return 0, 0
    return found.st_mtime_ns, found.st_size
