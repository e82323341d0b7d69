"""The knowledge base in memory: the signatures, their revision, and what fits a crash."""

import hashlib
from collections.abc import Container, Sequence
from functools import cached_property

from vmtriage.analysis.crash_view import CrashView
from vmtriage.analysis.index import Index
from vmtriage.analysis.matching import match_view
from vmtriage.models.evidence import Facts
from vmtriage.models.finding import Classification, GuiltyFunction, Throttled
from vmtriage.models.signature import Signature, SignatureMatch


class Knowledge:
    """Signatures with an index over them: made once, asked for every crash."""

    def __init__(self, signatures: Sequence[Signature]) -> None:
        self.signatures = tuple(signatures)
        self._index = Index([each for each in self.signatures if each.status != "retired"])

    @cached_property
    def revision(self) -> str:
        """A short hash of what the signatures say: equal revisions give equal answers."""
        return revision(self.signatures)

    def match(
        self,
        facts: Facts,
        classification: Classification,
        function: GuiltyFunction | None,
        throttled: Sequence[Throttled],
        own: Container[int] | None = None,
    ) -> tuple[SignatureMatch, ...]:
        """The signatures that fit, best first; those a better one supersedes are left out.

        own: the log's lines that are the crash's own report; the others may belong to anything.
        """
        return self.match_view(CrashView(facts, classification, function, throttled, own))

    def match_view(self, crash: CrashView) -> tuple[SignatureMatch, ...]:
        """The same for a crash that is prepared already."""
        return match_view(self._index.candidates(crash), crash)


def revision(signatures: Sequence[Signature]) -> str:
    """A short hash of what the signatures say, whatever their order."""
    digest = hashlib.sha256()
    for signature in sorted(signatures, key=lambda each: each.id):
        digest.update(signature.model_dump_json().encode())
    return digest.hexdigest()[:12]
