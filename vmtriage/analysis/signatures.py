"""The knowledge base on disk: one folder per signature, read, checked, and linted.

`signatures/<subsystem>/<id>/signature.yaml`, with `hit-*` and `miss-*` captures beside it.
"""

import hashlib
import re as _re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import re2
from pydantic import ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from vmtriage.errors import BadSignature
from vmtriage.models.signature import Match, Signature

_FILE = "signature.yaml"
_PATTERNS = (
    "panic", "log", "log_all", "stack", "stack_exclude", "exception", "function", "modules",
    "release",
)  # fmt: skip


def home() -> Path:
    """Where the bundled signatures are: inside the wheel, or at the top of the source tree."""
    package = Path(__file__).resolve().parents[1]
    packed = package / "_signatures"
    return packed if packed.is_dir() else package.parent / "signatures"


def load(directory: Path | None = None) -> tuple[Signature, ...]:
    """All signatures under a directory (default: the bundled ones), by id.

    BadSignature names file and line of the first mistake, also of two files with one id.
    """
    root = directory or home()
    if not root.is_dir():
        raise BadSignature(f"no signatures: {root} is no directory", next_step="see --signatures")
    found: dict[str, Signature] = {}
    for path in sorted(root.rglob(_FILE)):
        signature = read(path)
        if signature.id in found:
            raise BadSignature(f"{path}: the id {signature.id} is taken by another signature")
        found[signature.id] = signature
    return tuple(found[key] for key in sorted(found))


def read(path: Path) -> Signature:
    """One signature file, checked against the model; every pattern must compile."""
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
        first = error.errors()[0]
        where = tuple(first["loc"])
        name = ".".join(map(str, where)) or "file"
        raise _bad(path, _line_of(text, where), f"{name}: {first['msg'].lower()}") from error
    for where, pattern in _patterns(signature.match, ("match",)):
        problem = compile_error(pattern)
        if problem:
            name = ".".join(map(str, where))
            raise _bad(path, _line_of(text, where), f"{name}: {pattern!r}: {problem}")
    return signature


def _bad(path: Path, line: int, reason: str) -> BadSignature:
    return BadSignature(
        f"{path}:{line}: {reason}", next_step="vmtriage signatures lint shows all such mistakes"
    )


def _line_of(text: str, where: Sequence[int | str]) -> int:
    """The line of a key, counted from 1. Read with line numbers only now that one is needed."""
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


def _patterns(
    match: Match, where: tuple[int | str, ...]
) -> Iterator[tuple[tuple[int | str, ...], str]]:
    for field in _PATTERNS:
        for number, pattern in enumerate(getattr(match, field)):
            yield (*where, field, number), pattern
    for field in ("any_of", "none_of"):
        for number, inner in enumerate(getattr(match, field)):
            yield from _patterns(inner, (*where, field, number))


@lru_cache(maxsize=4096)
def compiled(pattern: str, whole: bool = False) -> Any:
    """The RE2 pattern; `whole` ones must fit a whole name. Lines are matched one by one."""
    options = re2.Options()
    options.log_errors = False
    return re2.compile(f"^(?:{pattern})$" if whole else f"(?m){pattern}", options)


def compile_error(pattern: str) -> str | None:
    """What RE2 says against a pattern, or None."""
    try:
        compiled(pattern)
    except re2.error as error:
        reason = error.args[0] if error.args else error
        return reason.decode() if isinstance(reason, bytes) else str(reason)
    return None


def revision(signatures: Sequence[Signature]) -> str:
    """A short hash of what the signatures say: equal revisions give equal answers."""
    digest = hashlib.sha256()
    for signature in sorted(signatures, key=lambda each: each.id):
        digest.update(signature.model_dump_json().encode())
    return digest.hexdigest()[:12]


def lint(directory: Path | None = None) -> list[str]:
    """Every mistake in the knowledge base as `file:line: what is wrong`; empty: all is well."""
    root = directory or home()
    messages: list[str] = []
    seen: dict[str, Path] = {}
    good: list[tuple[Path, Signature]] = []
    for path in sorted(root.rglob(_FILE)):
        try:
            signature = read(path)
        except BadSignature as error:
            messages.append(error.message)
            continue
        good.append((path, signature))
        if signature.id in seen:
            messages.append(f"{path}:1: id {signature.id} is also in {seen[signature.id]}")
        seen[signature.id] = path
    for path, signature in good:
        messages += _lint_one(path, signature, seen)
    if not good and not messages:
        messages.append(f"{root}:0: no {_FILE} below this directory")
    return messages


def _lint_one(path: Path, signature: Signature, known: dict[str, Path]) -> list[str]:
    text = path.read_text(encoding="utf-8")
    found: list[tuple[Sequence[int | str], str]] = []
    if signature.id != path.parent.name:
        found.append((("id",), f"id {signature.id} is not the folder's name {path.parent.name}"))
    if signature.subsystem != path.parent.parent.name:
        found.append((("subsystem",), f"the folder says {path.parent.parent.name}"))
    for kind in ("hit", "miss"):
        if not samples(path.parent, kind):
            found.append((("id",), f"no {kind}-* folder with a sample"))
    if signature.match == Match():
        found.append((("match",), "no condition: it would fit every crash"))
    if not signature.generic and signature.status == "stable" and not signature.kernels:
        found.append((("status",), "a stable signature of one bug needs kernels"))
    if not signature.generic and not signature.references:
        found.append((("id",), "no references: where is this written?"))
    for number, entry in enumerate(signature.kernels):
        if not entry.source.strip():
            found.append((("kernels", number, "source"), "no source"))
    for number, reference in enumerate(signature.references):
        if not _re.match(r"https://\S+$", reference.url):
            found.append((("references", number, "url"), f"{reference.url!r} is no https address"))
    for number, other in enumerate(signature.supersedes):
        if other not in known:
            found.append((("supersedes", number), f"there is no signature {other}"))
    return [f"{path}:{_line_of(text, where)}: {what}" for where, what in found]


def samples(folder: Path, kind: str) -> tuple[Path, ...]:
    """The sample captures of a signature: kind is "hit" or "miss"."""
    return tuple(sorted(each for each in folder.glob(f"{kind}-*") if any(each.glob("*.txt"))))
