"""Mistakes in a knowledge base that the model alone does not see, each with file and line."""

import re
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path

from vmtriage.analysis.kernels import LINES
from vmtriage.analysis.patterns import SEARCHED, Where, compiled, patterns
from vmtriage.analysis.samples import OUTPUTS
from vmtriage.analysis.signatures import UNWRITTEN, files, home, line_of, read, samples
from vmtriage.errors import BadSignature
from vmtriage.models.signature import Match, Signature

Mistake = tuple[Where, str]
Read = tuple[Path, Signature]


def lint(directories: Sequence[Path] = ()) -> list[str]:
    """Every mistake as `file:line: what is wrong`; empty: all is well.

    Directories other than the bundled one may refer to bundled signatures.
    """
    roots = directories or (home(),)
    messages: list[str] = []
    good: list[Read] = []
    for root in roots:
        paths = files(root) if root.is_dir() else ()
        if not paths:
            messages.append(f"{root}:0: no signature.yaml below this directory")
        for path in paths:
            try:
                good.append((path, read(path)))
            except BadSignature as error:
                messages.append(error.message)
    known = {path.parent.name for path in files(home())}
    known |= {signature.id for _, signature in good}
    hides = {signature.id: signature.supersedes for _, signature in good}
    seen: dict[str, Path] = {}
    for path, signature in good:
        mistakes = [*_twice(signature, seen), *_one(path, signature, known, hides)]
        seen.setdefault(signature.id, path)
        if mistakes:
            text = path.read_text(encoding="utf-8")
            messages += [f"{path}:{line_of(text, where)}: {what}" for where, what in mistakes]
    return messages


def _twice(signature: Signature, seen: Mapping[str, Path]) -> Iterator[Mistake]:
    if signature.id in seen:
        yield ("id",), f"id {signature.id} is also in {seen[signature.id]}"


def _one(
    path: Path, signature: Signature, known: set[str], hides: Mapping[str, Sequence[str]]
) -> Iterator[Mistake]:
    yield from _names(path, signature)
    yield from _samples(path.parent)
    yield from _match(signature.match)
    yield from _sources(signature)
    for number, other in enumerate(signature.supersedes):
        if other not in known:
            yield ("supersedes", number), f"there is no signature {other}"
        elif circle := _circle(signature.id, other, hides):
            yield ("supersedes", number), f"a circle: {' hides '.join(circle)}"


def _names(path: Path, signature: Signature) -> Iterator[Mistake]:
    if signature.id != path.parent.name:
        yield ("id",), f"id {signature.id} is not the folder's name {path.parent.name}"
    if signature.subsystem != path.parent.parent.name:
        yield ("subsystem",), f"the folder says {path.parent.parent.name}"


def _samples(folder: Path) -> Iterator[Mistake]:
    found = {kind: samples(folder, kind) for kind in ("hit", "miss")}
    for kind, cases in found.items():
        if not cases:
            yield ("id",), f"no {kind}-* folder or {kind}-*.log with a sample"
    used = [case for cases in found.values() for case in cases]
    names = [case.stem if case.suffix == ".log" else case.name for case in used]
    for name in sorted({each for each in names if names.count(each) > 1}):
        yield ("id",), f"two samples are called {name}"
    for other in sorted(folder.iterdir()):
        if (other.is_dir() or other.suffix in (".txt", ".log")) and other not in used:
            why = "is no sample: hit-NAME/ or miss-NAME/ with COMMAND.txt in it, or hit-NAME.log"
            yield ("id",), f"{other.name} {why}"

    for output in (path for case in used if case.is_dir() for path in case.glob("*.txt")):
        if (command := output.stem.replace("_", " ")) not in OUTPUTS:
            yield ("id",), f"{output.parent.name}/{output.name}: {command!r} is read from no sample"


def _match(match: Match) -> Iterator[Mistake]:
    if match == Match():
        yield ("match",), "no condition: it would fit every crash"
    for where, pattern in patterns(match):
        whole = not set(where) & set(SEARCHED)
        if compiled(pattern, whole).search("") is not None:
            name = ".".join(map(str, where))
            yield where, f"{name}: {pattern!r} fits the empty text, so it says nothing"


def _sources(signature: Signature) -> Iterator[Mistake]:
    if not signature.generic and signature.status == "stable" and not signature.kernels:
        yield ("status",), "a stable signature of one bug needs kernels"
    if not signature.generic and signature.status != "draft" and not signature.references:
        yield ("id",), "no references: where is this written?"
    for key, each in signature:
        if each == UNWRITTEN and signature.status != "draft":
            yield (key,), f"{key} is {UNWRITTEN}: only a draft may say so"
    for number, entry in enumerate(signature.kernels):
        if not entry.source.strip():
            yield ("kernels", number, "source"), "no source"
        if entry.line not in LINES and not entry.line.startswith("ubuntu-"):
            near = get_close_matches(entry.line, LINES, n=1, cutoff=0.5)
            hint = f", did you mean {near[0]}?" if near else f"; known: {', '.join(sorted(LINES))}"
            yield ("kernels", number, "line"), f"there is no line of kernels {entry.line!r}{hint}"
    for number, reference in enumerate(signature.references):
        if not re.match(r"https://\S+$", reference.url):
            where = ("references", number, "url")
            yield where, f"{reference.url!r} is no https address"


def _circle(start: str, at: str, hides: Mapping[str, Sequence[str]]) -> list[str]:
    """The way from a signature over what it hides back to itself; empty: there is none."""
    ways = [[start, at]]
    seen = set[str]()
    while ways:
        way = ways.pop()
        if way[-1] == start:
            return way
        if way[-1] not in seen:
            seen.add(way[-1])
            ways += [[*way, each] for each in hides.get(way[-1], ())]
    return []
