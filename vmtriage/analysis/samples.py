"""A signature's samples: tiny captures, run through the same steps as a real dump."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from vmtriage.analysis.classify import classify
from vmtriage.analysis.crash_view import CrashView
from vmtriage.analysis.explain import failed
from vmtriage.analysis.fromlog import with_log_facts
from vmtriage.analysis.function import believed, guilty_function
from vmtriage.analysis.incidents import find
from vmtriage.analysis.knowledge import Knowledge
from vmtriage.analysis.runqueues import throttled
from vmtriage.analysis.signatures import files, home, read, samples
from vmtriage.errors import BadSignature
from vmtriage.models.base import Model
from vmtriage.models.evidence import Facts
from vmtriage.models.signature import Signature, SignatureMatch
from vmtriage.parsers.table import parse

OUTPUTS = {
    "sys": "system", "bt": "panic_stack", "log": "log", "runq -g": "group_run_queues",
    "kmem -i": "memory", "kmem -s": "slabs", "kmem -V": "vm_stat", "mod -t": "modules",
}  # fmt: skip


@dataclass(frozen=True)
class Outcome:
    """What `vmtriage signatures test` found: how much was tried, and one text per failure."""

    signatures: int
    hits: int
    misses: int
    failures: tuple[str, ...]


def facts_of(case: Path) -> Facts:
    """Facts from a folder of outputs named like their commands (bt.txt, runq_-g.txt), or a log."""
    if case.is_file():
        log = parse("log", case.read_text("utf-8", "backslashreplace"))
        return with_log_facts(Facts().model_copy(update={"log": log}))
    fields: dict[str, Model] = {}
    for path in sorted(case.glob("*.txt")):
        command = path.stem.replace("_", " ")
        if command not in OUTPUTS:
            raise BadSignature(
                f"{path}:0: no sample can hold the output of {command!r}",
                next_step=f"known: {', '.join(sorted(OUTPUTS))}",
            )
        text = path.read_text("utf-8", "backslashreplace")
        fields[OUTPUTS[command]] = parse(command, text)
    return with_log_facts(Facts().model_copy(update=dict(fields)))


def view_of(facts: Facts) -> CrashView:
    """Facts as the conditions see them."""
    incidents = find(facts.log) if facts.log else ()
    classification = classify(facts, incidents)
    function = guilty_function(facts, classification, incidents)
    seen = believed(facts, classification, incidents)
    return CrashView(seen, classification, function, throttled(facts) or ())


def match_sample(signatures: Sequence[Signature], case: Path) -> tuple[SignatureMatch, ...]:
    """What these signatures say about one sample."""
    return Knowledge(signatures).match_view(view_of(facts_of(case)))


def check(directories: Sequence[Path] = (), only: Collection[str] = ()) -> Outcome:
    """Whether every sample is caught as its name says.

    A hit-* sample is caught by its own signature and by no other (what that one supersedes
    aside); a miss-* sample by anything but its own. Directories are tried beside the bundled
    signatures: those must not be caught by theirs either. `only`: samples of these ids.
    """
    own = _homes(directories or (home(),))
    if unknown := sorted(set(only) - own.keys()):
        raise BadSignature(
            f"no signature {', '.join(unknown)}", next_step="see: vmtriage signatures list"
        )
    beside = {key: each for key, each in _homes((home(),)).items() if key not in own}
    known = {key: signature for key, (_, signature) in (own | beside).items()}
    run = _Run(Knowledge([known[key] for key in sorted(known)]), known)
    for key in sorted(only) or sorted(own):
        run.own(key, own[key][0])
    for key in () if only else sorted(beside):
        run.others(key, beside[key][0], own.keys())
    return Outcome(run.signatures, run.hits, run.misses, tuple(run.failures))


def _homes(directories: Sequence[Path]) -> dict[str, tuple[Path, Signature]]:
    found: dict[str, tuple[Path, Signature]] = {}
    for root in dict.fromkeys(each.resolve() for each in directories):
        if not root.is_dir():
            raise BadSignature(
                f"no signatures: {root} is no directory", next_step="see --signatures"
            )
        for path in files(root):
            signature = read(path)
            if signature.id in found:
                raise BadSignature(
                    f"{path}:1: the id {signature.id} is taken by"
                    f" {found[signature.id][0]}", next_step="rename one of them",
                )  # fmt: skip
            found[signature.id] = path.parent, signature
    return found


class _Run:
    """The tally of one run over many samples."""

    def __init__(self, knowledge: Knowledge, known: Mapping[str, Signature]) -> None:
        self._knowledge, self._known = knowledge, known
        self.signatures = self.hits = self.misses = 0
        self.failures: list[str] = []

    def own(self, key: str, folder: Path) -> None:
        """A signature under test: all its samples. A retired one catches nothing any more."""
        if self._known[key].status == "retired":
            return
        hits, misses = samples(folder, "hit"), samples(folder, "miss")
        self.signatures, self.hits = self.signatures + 1, self.hits + len(hits)
        self.misses += len(misses)
        for kind, cases in (("hit", hits), ("miss", misses)):
            if not cases:
                self.failures.append(f"{folder}: {key} has no {kind} sample")
        for case in hits:
            self._hit(key, case)
        for case in misses:
            if key in {match.id for match in self._matches(case)[1]}:
                self.failures.append(f"{case}: must not be taken for {key}, but it fits wholly")

    def others(self, key: str, folder: Path, tested: Collection[str]) -> None:
        """A signature beside them: its hits are not for those under test."""
        for case in samples(folder, "hit"):
            for match in self._matches(case)[1]:
                if match.id in tested and not match.generic:
                    self.failures.append(f"{case}: a sample of {key} is caught by {match.id}")

    def _hit(self, key: str, case: Path) -> None:
        crash, matches = self._matches(case)
        signature = self._known[key]
        # a draft hides nothing, so the generic class stays beside it
        beside = signature.status == "draft"
        found = [match.id for match in matches if not (beside and match.generic)]
        if found == [key]:
            return
        others = ", ".join(each for each in found if each != key)
        lines = [f"{case}: expected {key}, found {', '.join(found) or 'nothing'}"]
        if key not in found:
            hidden = f"{key} fits, but {others or 'another signature'} hides it"
            lines += failed(signature.match, crash) or [hidden]
        elif others:
            lines.append(f"{others} fits as well: supersedes, or a narrower match, would part them")
        self.failures.append("\n  ".join(lines))

    def _matches(self, case: Path) -> tuple[CrashView, tuple[SignatureMatch, ...]]:
        crash = view_of(facts_of(case))
        return crash, self._knowledge.match_view(crash)
