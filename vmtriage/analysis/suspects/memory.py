"""Suspects when memory ran out, or ran away."""

import re
from collections.abc import Iterator

from vmtriage.analysis.leak import biggest_cache
from vmtriage.analysis.suspects.case import Case
from vmtriage.analysis.suspects.groups import identity
from vmtriage.models.evidence import Evidence
from vmtriage.models.finding import CrashClass
from vmtriage.models.report import Culprit

C = CrashClass

_MEMCG = re.compile(
    r"Memory cgroup stats for (?P<path>/.*?):?(?: |$)|oom_memcg=(?P<path2>[^,]+),"
    r"|Task in (?P<task>\S+) killed as a result of limit of (?P<path3>\S+)"
)
_INVOKED = re.compile(r"^(?P<comm>.*) invoked oom-killer")
_OOM_ROW = re.compile(
    r"^\[ *(?P<pid>\d+) *\] +(?P<uid>\d+) +(?P<tgid>\d+) +(?P<vm>\d+) +(?P<rss>\d+) .*?"
    r"(?P<name>\S.*)$"
)


def out_of_memory(case: Case) -> Iterator[Culprit]:
    """OOM: the memory cgroup at its limit, or the task that held most memory."""
    if case.classification.crash_class is not C.OOM or case.facts.log is None:
        return
    memcg: tuple[str, Evidence] | None = None
    rows: list[tuple[int, int, str, Evidence]] = []
    for record in case.facts.log.records:
        if match := _INVOKED.match(record.text):
            memcg, rows = None, []  # the last OOM report is the fatal one
        elif match := _MEMCG.search(record.text):
            path = match["path"] or match["path2"] or match["path3"]
            says = "the memory cgroup that reached its limit"
            memcg = (path, Evidence(command="log", line=record.line, text=record.text, says=says))
        elif match := _OOM_ROW.match(record.text):
            text = Evidence(
                command="log", line=record.line, text=record.text, says="resident pages per task"
            )
            rows.append((int(match["rss"]), int(match["pid"]), _last_word(match["name"]), text))
    eater = max(rows, default=None, key=lambda row: row[0])
    comms = (eater[2],) if eater else ()
    if memcg is not None:
        path, evidence = memcg
        yield Culprit.model_validate(
            {
                **identity(path), "comms": comms,
                "score": 0.9,
                "reason": "this memory cgroup used up its own limit"
                + (f"; {eater[2]} (pid {eater[1]}) held most of it" if eater else ""),
                "refuted_by": "a limit set below the working set on purpose, or kernel memory"
                " charged to the group (see its slab line in the log)",
                "evidence": [evidence, *([eater[3]] if eater else [])],
            }
        )  # fmt: skip
        return
    if eater is not None:
        held = eater[0] * 4096
        total = case.facts.memory.total if case.facts.memory else None
        large = total is not None and held * 2 > total
        yield Culprit(
            kind="process", name=f"{eater[2]} (pid {eater[1]})", comms=comms,
            score=0.85 if large else 0.6,
            reason=f"{eater[2]} held {held // (1 << 20)} MiB when memory ran out"
            + (", more than half of the machine" if large else ""),
            refuted_by="unreclaimable slab or huge pages that hold more than this task",
            evidence=(eater[3],),
        )  # fmt: skip


def _last_word(text: str) -> str:
    """The name column of an OOM table: the row's last column, after the numbers."""
    return re.sub(r"^(?:-?\d+ +)+", "", text).strip()


def leaking_cache(case: Case) -> Iterator[Culprit]:
    """A slab cache that ran away and bears a module's name."""
    cache = biggest_cache(case.facts)
    if case.classification.crash_class is not C.MEMORY_LEAK or cache is None:
        return
    modules = case.facts.modules.modules if case.facts.modules else ()
    owner = next((m for m in modules if cache.name.startswith(m.name)), None)
    evidence = Evidence(
        command="kmem -s",
        line=cache.line,
        text=f"{cache.name}: {cache.allocated} objects",
        says="the cache that holds the memory",
    )
    if owner is not None:
        tainting = Evidence(
            command="mod -t",
            line=owner.line,
            text=f"{owner.name}  {owner.taints}",
            says="a module whose name the cache bears",
        )
        yield Culprit(
            kind="module", name=owner.name, score=0.6,
            reason=f"slab cache {cache.name} holds the memory and bears the module's name",
            refuted_by="another module that allocates from this cache (slub_debug=U shows who)",
            evidence=(evidence, tainting),
        )  # fmt: skip
    else:
        yield Culprit(
            kind="kernel", name=f"slab cache {cache.name}", score=0.3,
            reason="the memory lies in this cache; the dump does not say who allocated it",
            refuted_by="kmemleak or slub_debug=U on the next run, which name the caller",
            evidence=(evidence,),
        )  # fmt: skip
