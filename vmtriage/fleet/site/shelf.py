"""The files of a site: written whole, only where they change, and known to be ours."""

import os
import re
import secrets
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath

from vmtriage.report.files import cannot_write, write_all

_MANIFEST = ".vmtriage-site.files"
_LEFT = re.compile(r"\..+\.[0-9a-f]{12}\.tmp")


class Shelf:
    """One site's directory. All paths are relative to it, with /."""

    def __init__(self, site: Path, *, durable: bool = True) -> None:
        self._site = site
        self._durable = durable
        self._ours: set[str] | None = None
        self.written: list[str] = []
        self.touched: set[str] = set()  # all that this run wanted to be there

    def lacks(self, files: Mapping[str, str]) -> bool:
        """Whether one of these is not there as it should be."""
        return any(self._read(path) != _bytes(text) for path, text in files.items())

    def put(self, files: Mapping[str, str]) -> None:
        """Write those whose text is another one than what stands there."""
        self.touched.update(files)
        changed = {path: text for path, text in files.items() if self._read(path) != _bytes(text)}
        self._register(changed)
        by_directory: dict[str, dict[str, str]] = {}
        for path, text in changed.items():
            directory, _, name = path.rpartition("/")
            by_directory.setdefault(directory, {})[name] = text
        for directory, texts in by_directory.items():
            write_all(self._site / directory, texts, durable=self._durable)
        self.written.extend(changed)

    def copy(self, source: Path, names: Iterable[str], directory: str) -> tuple[str, ...]:
        """Have these files of `source` in `directory` too; which of them there are."""
        there = []
        for name in names:
            path, wanted = source / name, f"{directory}/{name}"
            try:
                found = path.stat()
            except FileNotFoundError:
                continue
            except OSError as error:
                raise cannot_write(path, error) from error
            there.append(name)
            self.touched.add(wanted)
            target = self._site / wanted
            if _same(target, found):
                continue
            self._register([wanted])
            _link_or_copy(path, target)
            self.written.append(wanted)
        return tuple(there)

    def read(self, path: str) -> str | None:
        """A file of ours; None where it is not there."""
        found = self._read(path)
        return None if found is None else found.decode("utf-8", "replace")

    def _read(self, path: str) -> bytes | None:
        try:
            return (self._site / path).read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise cannot_write(self._site / path, error) from error

    # -- which files are ours: noted before they are made, so that a kill leaves none unknown ------

    def _known(self) -> set[str]:
        if self._ours is None:
            text = self.read(_MANIFEST) or ""
            self._ours = set(text.split("\n")) - {""}
        return self._ours

    def _register(self, paths: Iterable[str]) -> None:
        known = self._known()
        if not (new := sorted(set(paths) - known)):
            return
        manifest = self._site / _MANIFEST
        try:
            with manifest.open("a", encoding="utf-8") as file:
                # a line cut short by a kill stays a line of its own, of a file that is not there
                file.write("\n" + "\n".join(new) + "\n")
                file.flush()
                if self._durable:
                    os.fsync(file.fileno())
        except OSError as error:
            raise cannot_write(manifest, error) from error
        known.update(new)

    def sweep(self) -> tuple[str, ...]:
        """Remove what earlier runs made and this one did not want; never a foreign file."""
        stale = sorted(path for path in self._known() - self.touched if _inside(path))
        for path in stale:
            self._remove(path)
        for directory in {path.rpartition("/")[0] for path in self._known()}:
            for temp in (self._site / directory).glob(".*.tmp"):
                if _LEFT.fullmatch(temp.name):  # by a kill
                    temp.unlink(missing_ok=True)
        kept = sorted(self._known() & self.touched)
        write_all(self._site, {_MANIFEST: "".join(f"{path}\n" for path in kept)})
        self._ours = set(kept)
        return tuple(stale)

    def _remove(self, path: str) -> None:
        target = self._site / path
        try:
            if any(parent.is_symlink() for parent in [*target.parents][: path.count("/")]):
                return
            target.unlink(missing_ok=True)
            for parent in [*target.parents][: path.count("/")]:
                parent.rmdir()
        except OSError:  # not empty, or gone already
            return


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "backslashreplace")


def _inside(path: str) -> bool:
    parts = PurePosixPath(path).parts
    return bool(parts) and not path.startswith("/") and ".." not in parts


def _same(target: Path, source: os.stat_result) -> bool:
    """Whether it is the very file, or a copy of it as `_link_or_copy` makes them."""
    try:
        found = target.lstat()
    except OSError:
        return False
    if (found.st_dev, found.st_ino) == (source.st_dev, source.st_ino):
        return True
    return (found.st_size, found.st_mtime_ns) == (source.st_size, source.st_mtime_ns)


def _link_or_copy(source: Path, target: Path) -> None:
    """Reports are only ever replaced, never changed: one file may stand under two names."""
    temp = target.with_name(f".{target.name}.{secrets.token_hex(6)}.tmp")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.link(source, temp)
        except OSError:  # another file system, or one without links
            shutil.copy2(source, temp)
        temp.replace(target)
    except OSError as error:
        raise cannot_write(target, error) from error
    finally:
        temp.unlink(missing_ok=True)
