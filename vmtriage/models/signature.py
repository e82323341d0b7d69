"""The knowledge base: how a known bug is recognised, who has it, what to do."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from vmtriage.models.base import Model
from vmtriage.models.evidence import Confidence, Evidence
from vmtriage.models.finding import CrashClass

Status = Literal["draft", "stable", "retired"]
KernelVerdict = Literal["affected", "fixed", "unknown"]
Percent = Annotated[float, Field(ge=0)]
TaintLetter = Annotated[str, StringConstraints(pattern=r"^[A-Z]$")]


class MemoryMatch(Model):
    """Conditions on memory; all that are given must hold. What was not read never holds."""

    slab_unreclaimable_percent_at_least: Percent | None = None  # of all memory; kmem -V
    free_percent_at_most: Percent | None = None  # of all memory; kmem -i
    swap_used_percent_at_least: Percent | None = None  # of all swap; kmem -i
    committed_percent_at_least: Percent | None = None  # of the commit limit; kmem -i
    top_slab: tuple[str, ...] = ()  # any of them fits the name of one of the ten biggest caches
    top_slab_percent_at_least: Percent | None = None  # of all memory, in that one cache; kmem -s


class Match(Model):
    """Conditions; all that are given must hold. Regexes are RE2, searched, case-sensitive.

    `stack` is an ordered subsequence, innermost first, of patterns that must fit whole names.
    Facts that were not read hold no condition, and in `none_of` they do not count as absent.
    """

    classes: tuple[CrashClass, ...] = ()
    panic: tuple[str, ...] = ()  # any of them, in the panic text
    log: tuple[str, ...] = ()  # any of them, in a log line
    log_all: tuple[str, ...] = ()  # every one of them, in some log line
    stack: tuple[str, ...] = ()
    stack_exclude: tuple[str, ...] = ()  # none of them in the stack
    exception: tuple[str, ...] = ()  # any of them fits the function at the exception RIP
    function: tuple[str, ...] = ()  # any of them fits the guilty function or an alternative
    modules: tuple[str, ...] = ()  # any of them taints or is in the stack
    release: tuple[str, ...] = ()  # any of them, in the kernel release
    taint: tuple[TaintLetter, ...] = ()  # any of them is set: by `mod -t` or the log's "Tainted:"
    throttled: bool | None = None  # run queues show (not) a throttled group
    memory: MemoryMatch | None = None
    all_of: tuple["Match", ...] = ()
    any_of: tuple["Match", ...] = ()
    none_of: tuple["Match", ...] = ()


class KernelRange(Model):
    """Where the bug is, for one line of kernels. Versions are package versions of that line.

    A release of this line is affected if introduced <= it < fixed, fixed if >= fixed, and
    unknown inside [uncertain_from, fixed). Lines are never compared with each other.
    """

    line: str  # el6 .. el10 uek debian ubuntu ubuntu-aws sles amazon mainline: analysis/kernels.py
    introduced: str | None = None
    fixed: str | None = None  # first version known good
    uncertain_from: str | None = None
    affected_series: tuple[str, ...] = ()  # e.g. "3.16": every version of that series
    source: str  # where this is written: erratum, commit, changelog, field report


class Reference(Model):
    """Where to read more."""

    url: str
    title: str


class Signature(Model):
    """One known bug or generic class."""

    id: str
    title: str
    status: Status
    generic: bool = False  # a class of crash, not one bug: ranks below any specific match
    crash_class: CrashClass
    subsystem: str
    what: str  # what it is, in plain words
    recognised_by: str
    usually_caused_by: str
    match: Match
    kernels: tuple[KernelRange, ...] = ()
    upstream: tuple[str, ...] = ()  # "c06f04c70489 sched: Fix potential ..."
    do_now: str
    do_for_good: str
    refuted_by: str  # what would show that it is something else
    supersedes: tuple[str, ...] = ()
    references: tuple[Reference, ...] = ()


class SignatureMatch(Model):
    """A signature that fits this crash, and what it means for this kernel."""

    id: str
    title: str
    status: Status
    generic: bool = False
    confidence: Confidence
    kernel: KernelVerdict
    kernel_reason: str  # the comparison, shown
    fixed_in: str | None = None
    what: str
    do_now: str
    do_for_good: str
    usually_caused_by: str
    refuted_by: str
    references: tuple[Reference, ...] = ()
    upstream: tuple[str, ...] = ()
    evidence: tuple[Evidence, ...] = ()
