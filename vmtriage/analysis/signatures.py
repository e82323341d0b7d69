"""The knowledge base on disk: one folder per signature, read and checked.

`signatures/<subsystem>/<id>/signature.yaml`, with `hit-*` and `miss-*` samples beside it.
"""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from vmtriage.analysis.patterns import Where, compile_error, patterns
from vmtriage.analysis.signature_cache import SignatureCache
from vmtriage.errors import BadSignature
from vmtriage.models.signature import Signature

# ruamel.yaml is imported late: with a cache it is not needed at all
FILE = "signature.yaml"
UNWRITTEN = "not written yet"  # stands in a draft where only a person can write


def home() -> Path:
    """Where the bundled signatures are: inside the wheel, or at the top of the source tree."""
    package = Path(__file__).resolve().parents[1]
    packed = package / "_signatures"
    return packed if packed.is_dir() else package.parent / "signatures"


def load(
    directory: Path | None = None, packs: Sequence[Path] = (), cache: Path | None = None
) -> tuple[Signature, ...]:
    """All signatures of a knowledge base (default: the bundled one) and of packs beside it, by id.

    BadSignature names file and line of the first mistake, also of two files with one id.
    `cache` is a directory that may keep what was read; None: read the files every time.
    """
    found: dict[str, tuple[Signature, Path]] = {}
    for root in dict.fromkeys(each.resolve() for each in (directory or home(), *packs)):
        if not root.is_dir():
            raise BadSignature(
                f"no signatures: {root} is no directory", next_step="see --signatures and --pack"
            )
        paths = files(root)
        store = SignatureCache(cache, root, paths)
        signatures = store.read()
        if signatures is None:
            signatures = _read_all(paths)
            store.write(signatures)
        for signature in signatures:
            if signature.id in found:
                raise BadSignature(
                    f"{root}: the id {signature.id} is taken by another signature in"
                    f" {found[signature.id][1]}",
                    next_step="rename one; for a whole knowledge base instead of the bundled one"
                    " use --signatures",
                )
            found[signature.id] = signature, root
    return tuple(found[key][0] for key in sorted(found))


def _read_all(paths: Sequence[Path]) -> tuple[Signature, ...]:
    found: dict[str, Signature] = {}
    for path in paths:
        signature = read(path)
        if signature.id in found:
            raise BadSignature(f"{path}: the id {signature.id} is taken by another signature")
        found[signature.id] = signature
    return tuple(found[key] for key in sorted(found))


def files(root: Path) -> tuple[Path, ...]:
    """Every signature.yaml below a directory. Folders of samples are not searched."""
    try:
        return tuple(sorted(Path(each) for each in _files(os.fspath(root))))
    except OSError as error:
        raise BadSignature(
            f"{error.filename}: {error.strerror}", next_step="make it readable, or name another one"
        ) from error


def _files(directory: str) -> Iterator[str]:
    path = os.path.join(directory, FILE)  # noqa: PTH118 - at every start, for every signature
    if os.path.isfile(path):  # noqa: PTH113
        yield path
        return
    with os.scandir(directory) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):  # a link may lead back up
                yield from _files(entry.path)


def read(path: Path) -> Signature:
    """One signature file, checked against the model; every pattern must compile."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    try:
        text = path.read_text(encoding="utf-8")
        data = YAML(typ="safe", pure=True).load(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 0
        raise _bad(path, line, error.problem or "this is no YAML") from error
    except (OSError, UnicodeDecodeError, YAMLError, ValueError) as error:
        raise BadSignature(f"{path}: {error}") from error
    try:
        signature = Signature.model_validate(data)
    except ValidationError as error:
        raise _bad(path, *_first_mistake(text, error)) from error
    for where, pattern in patterns(signature.match):
        problem = compile_error(pattern)
        if problem:
            name = ".".join(map(str, where))
            raise _bad(path, line_of(text, where), f"{name}: {pattern!r}: {problem}")
    return signature


def _first_mistake(text: str, error: ValidationError) -> tuple[int, str]:
    from vmtriage.analysis.suggest import meant

    first = error.errors()[0]
    where = tuple(first["loc"])
    name = ".".join(map(str, where)) or "file"
    said = f"{name}: {first['msg'].lower()}"
    if first["type"] == "extra_forbidden":
        said = f"{name}: there is no such key{meant(where)}"
    return line_of(text, where), said


def _bad(path: Path, line: int, reason: str) -> BadSignature:
    return BadSignature(
        f"{path}:{line}: {reason}", next_step="vmtriage signatures lint shows all such mistakes"
    )


def line_of(text: str, where: Where) -> int:
    """The line of a key, counted from 1. Read with line numbers only now that one is needed."""
    from ruamel.yaml import YAML

    node: Any = YAML(typ="rt", pure=True).load(text)
    line = 1
    for step in where:
        marks = getattr(node, "lc", None)
        try:
            if isinstance(node, dict):
                line = marks.key(step)[0] + 1 if marks else line
            else:
                line = marks.item(step)[0] + 1 if marks else line
            node = node[step]
        except (KeyError, IndexError, TypeError):
            break
    return line


def samples(folder: Path, kind: str) -> tuple[Path, ...]:
    """The samples of a signature, kind is "hit" or "miss": folders of outputs, or bare logs."""
    found = folder.glob(f"{kind}-*")
    return tuple(sorted(each for each in found if each.suffix == ".log" or any(each.glob("*.txt"))))
