"""Templates as they were compiled, kept in the user's cache: a fifth of a second at each start."""

import hashlib
import pickle
from pathlib import Path

import jinja2
from jinja2.bccache import Bucket, BytecodeCache

from vmtriage.analysis import private_file


class Compiled(BytecodeCache):
    """By template, its text and this very code: filters of constants are worked out in advance."""

    def __init__(self, cache_dir: Path) -> None:
        self._directory = cache_dir / f"templates-{jinja2.__version__}-{_our_code()}"

    def load_bytecode(self, bucket: Bucket) -> None:
        """As jinja2 wants it; one of another text or Python is left alone by it."""
        if raw := private_file.read(self._directory / bucket.key):
            try:
                bucket.bytecode_from_string(raw)
            except (EOFError, ValueError, pickle.UnpicklingError):  # cut short
                bucket.reset()

    def dump_bytecode(self, bucket: Bucket) -> None:
        """As jinja2 wants it."""
        private_file.write(self._directory / bucket.key, bucket.bytecode_to_string())


def _our_code() -> str:
    told = hashlib.sha256()
    for path in sorted(Path(__file__).parent.rglob("*.py")):
        found = path.stat()
        told.update(f"{path} {found.st_mtime_ns} {found.st_size}\n".encode())
    return told.hexdigest()[:16]
