"""A kernel log as one job: lines -> reports -> incidents -> known bugs -> the primary one."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from vmtriage import __version__
from vmtriage.analysis.fingerprint import of as fingerprint_of
from vmtriage.analysis.fromlog import banner_of, kernel_of
from vmtriage.analysis.klog.leaks import LeakGroups
from vmtriage.analysis.klog.primary import primary
from vmtriage.analysis.klog.stream import Boot as Banner
from vmtriage.analysis.klog.stream import Stream
from vmtriage.analysis.klog.tally import Kept, Tally
from vmtriage.analysis.klog.watch import Watch
from vmtriage.analysis.machine_view import taint_letters
from vmtriage.models.evidence import Problem
from vmtriage.models.finding import CrashClass, Incident
from vmtriage.models.logreport import Boot, LogIncident, LogReport
from vmtriage.models.report import RawOutput, ToolInfo
from vmtriage.models.signature import SignatureMatch
from vmtriage.parsers.klog_line import Line

if TYPE_CHECKING:
    from vmtriage.analysis.knowledge import Knowledge

# Their incidents are messages of one line, told apart by nothing but the message.
_MESSAGES = frozenset({CrashClass.IO_ERROR, CrashClass.WATCHDOG, CrashClass.UNKNOWN})
_OPENING = 80  # lines of a report within which it names kernel and taint
_LEAKS = 50  # stacks of leaked objects told
_HEADER = 3  # lines that a journal may write before the first boot's own
_TOGETHER = 4000  # lines of all incidents that the primary one's signatures may look at


@dataclass
class LogReader:
    """Reads logs, one after the other, with one knowledge base loaded when first needed."""

    load: Callable[[], "Knowledge"]
    watch: Watch = field(default_factory=lambda: Watch(()))  # lines a site's own signatures want
    _known: dict[tuple[str, ...], tuple[str, ...]] = field(default_factory=dict)

    @cached_property
    def knowledge(self) -> "Knowledge":
        """The signatures: a log without any incident never loads them."""
        return self.load()

    def read(self, name: str, source: BinaryIO) -> LogReport:
        """Everything about one log. Any bytes are a log: there is no bad input."""
        began = time.monotonic()
        boots, tally, leaks, stream = [Boot()], Tally(), LeakGroups(), Stream(source, self.watch)
        for each in stream:
            if isinstance(each, Banner):
                if len(boots) == 1 and each.line.number <= _HEADER and not tally.kept():
                    boots.clear()  # nothing was before it
                boots.append(_boot(each.line))
                continue
            tally.add(each, len(boots) - 1)
            if each.head.form.crash_class is CrashClass.MEMORY_LEAK:
                leaks.add(each.lines)
        kept = tally.kept()
        chosen = _primary(kept)
        matches = self._match(chosen, _together(chosen, kept), boots) if chosen else ()
        rows = tuple(self._row(each, boots) for each in kept)
        return LogReport(
            tool=ToolInfo(
                version=__version__, crash_version=None,
                signatures_revision=self.knowledge.revision if kept else "",
            ),
            file=name, size=stream.size, lines=stream.lines,
            boots=tuple(boots), incidents=rows, left_out=tally.left_out,
            primary=_of_primary(chosen, rows, matches) if chosen else None,
            signatures=matches, leaks=leaks.groups()[:_LEAKS],
            problems=_problems(stream, tally, leaks),
            raw=(RawOutput(command="log", text=_text(chosen.whole)),) if chosen else (),
            seconds=round(time.monotonic() - began, 3),
        )  # fmt: skip

    def _row(self, kept: Kept, boots: Sequence[Boot]) -> LogIncident:
        incident, text = kept.incident, kept.lines[0].text
        release, _ = _kernel(kept, boots)
        row = LogIncident.of_log(
            incident, text, kept.boot, release,
            fingerprint_of(incident.crash_class, incident.function, _path(kept),
                           release=release, taint=_taint(kept.lines)),
        )  # fmt: skip
        # The same kind of report is matched once, however often it comes.
        said = (each.text for each in kept.said)
        key: tuple[str, ...] = (incident.format, row.fingerprint.exact, release or "", *said)
        if not kept.lines[1:]:
            key = (*key, text)
        if key not in self._known:
            if len(self._known) > 10_000:
                self._known.clear()
            self._known[key] = tuple(m.id for m in self._match(kept, kept.whole, boots))
        return row.model_copy(
            update={
                "count": kept.times,
                "last_seen": kept.last_seen,
                "signatures": self._known[key],
            }
        )

    def _match(
        self, kept: Kept, lines: Sequence[Line], boots: Sequence[Boot]
    ) -> tuple[SignatureMatch, ...]:
        from vmtriage.analysis.logfacts import classification_of, facts_of, function_of

        facts = facts_of(lines, *_kernel(kept, boots))
        classification = classification_of(kept.incident, kept.lines[0].text)
        function = function_of(kept.incident, kept.lines)
        own = frozenset(each.number for each in kept.whole)
        return self.knowledge.match(facts, classification, function, (), own)


def log_reader(
    directory: Path | None = None, packs: Sequence[Path] = (), cache: Path | None = None
) -> LogReader:
    """A reader with these signatures (None: the bundled ones), loaded when they are needed.

    A site's own, packs or another base, are loaded now: they are asked for single lines too.
    """
    from vmtriage.analysis.knowledge import Knowledge
    from vmtriage.analysis.signatures import load

    if directory is None:
        own = [each for pack in packs for each in load(pack, (), cache)]
        return LogReader(lambda: Knowledge(load(None, packs, cache)), Watch(own))
    knowledge = Knowledge(load(directory, packs, cache))
    return LogReader(lambda: knowledge, Watch(knowledge.signatures))


def _path(kept: Kept) -> tuple[str, ...]:
    """What the fingerprint is made of; a message of one line and no code is known by its form."""
    lone = kept.lone and kept.incident.crash_class in _MESSAGES
    return (kept.incident.format,) if lone else kept.incident.path


def _boot(line: Line) -> Boot:
    release, version = banner_of(line.text)
    return Boot(line=line.number, release=release, version=version)


def _kernel(kept: Kept, boots: Sequence[Boot]) -> tuple[str | None, str | None]:
    """Release and version: by the report itself, else by the banner of its boot."""
    own = (kernel_of(line.text) for line in kept.lines[:_OPENING] if "ainted" in line.text)
    boot = boots[kept.boot]
    return next((each for each in own if each), (boot.release, boot.version))


def _taint(lines: Sequence[Line]) -> tuple[str, ...]:
    told = (taint_letters(line.text) for line in lines[:_OPENING])
    return next((letters for letters in told if letters is not None), ())


def _primary(kept: Sequence[Kept]) -> Kept | None:
    """The cause of the last boot that ended in a panic; else of the whole log."""
    for boot in sorted({each.boot for each in kept}, reverse=True):
        own = [each for each in kept if each.boot == boot]
        if any(each.incident.severity == "panic" for each in own):
            return _chosen(own)
    return _chosen(kept)


def _chosen(kept: Sequence[Kept]) -> Kept | None:
    found = primary([each.incident for each in kept])
    if found is None:
        return None
    return next(each for each in kept if _one(each.incident, found))._replace(incident=found)


def _one(one: Incident | LogIncident, other: Incident) -> bool:
    """Whether they are one incident: its severity may have been judged since."""
    return (one.first_line, one.format) == (other.first_line, other.format)


def _together(chosen: Kept, kept: Sequence[Kept]) -> tuple[Line, ...]:
    """The lines of all incidents of its boot, its own first in line: some bugs show in two."""
    lines = list(chosen.whole)
    for each in kept:
        if each.boot != chosen.boot or each.incident.first_line == chosen.incident.first_line:
            continue
        if len(lines) + len(each.whole) > _TOGETHER:
            break
        lines += each.whole
    return tuple(sorted(lines, key=lambda line: line.number))


def _of_primary(
    chosen: Kept, rows: Sequence[LogIncident], matches: Sequence[SignatureMatch]
) -> LogIncident:
    row = next(each for each in rows if _one(each, chosen.incident))
    ids = tuple(match.id for match in matches)
    return row.model_copy(update={"severity": chosen.incident.severity, "signatures": ids})


def _text(lines: Sequence[Line]) -> str:
    return "\n".join(
        f"[{line.time_s:12.6f}] {line.text}" if line.time_s is not None else line.text
        for line in lines
    )


def _problems(stream: Stream, tally: Tally, leaks: LeakGroups) -> tuple[Problem, ...]:
    found = []
    if not stream.lines:
        found.append(Problem(kind="empty", message="the log is empty: nothing was checked"))
    if tally.left_out:
        message = f"{tally.left_out} more incidents of other kinds were counted, not kept"
        found.append(Problem(kind="too_many", message=message))
    if leaks.left_out:
        message = f"{leaks.left_out} leaked objects with still other stacks were counted, not kept"
        found.append(Problem(kind="too_many", message=message))
    return tuple(found)
