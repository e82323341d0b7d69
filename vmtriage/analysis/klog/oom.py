"""One round of the OOM killer: who asked, whose limit it was, where the memory was, who died.

Sources: mm/oom_kill.c (the frame of the report, the victim), mm/memcontrol.c (the memory cgroup);
wordings of 2.6.32 to 6.17. Sizes become bytes; what was not printed stays None.
"""

import re
from collections.abc import Sequence

from vmtriage.analysis.klog import oom_memcg, oom_memory, oom_tasks
from vmtriage.analysis.klog.oom_says import conclusion
from vmtriage.models.details import Constraint, OomInvoker, OomReport, OomVictim
from vmtriage.parsers.klog_line import Line

_LONGEST = 4096  # characters of a line that are looked at
_N = r"[0-9]{1,15}"
_INVOKED = re.compile(
    rf"^(?P<comm>\S.{{0,63}}?) invoked oom-killer: gfp_mask=(?P<gfp>(?:0x)?[0-9a-fA-F]{{1,16}})"
    rf"(?:\((?P<flags>[^)]*)\))?.*?order=(?P<order>-?{_N})"
)
_INVOKER_PID = re.compile(rf"^(?:CPU: .*?PID: |Pid: )(?P<pid>{_N}),? [Cc]omm: ")
_SUMMARY = re.compile(r"^oom-kill:constraint=CONSTRAINT_(?P<constraint>\w+),")
_SUMMARY_TASK = re.compile(rf",task=(?P<comm>.*),pid=(?P<pid>{_N}),uid=(?P<uid>{_N})\s*$")
_CHOSEN = re.compile(
    rf"[Oo]ut of memory.*?: [Kk]ill(?:ed)? process (?P<pid>{_N}),?"
    rf"(?: UID (?P<uid>{_N}),?)? \((?P<comm>.{{0,64}}?)\)(?= score| total-vm| vsz|,|$)"
)
_KILLED = re.compile(
    rf"[Kk]illed process (?P<pid>{_N}),?(?: UID (?P<uid>{_N}),?)? \((?P<comm>.{{0,64}}?)\),?"
    rf"(?: UID (?P<uid2>{_N}),?)? (?=total-vm:|vsz:)"
)
_SIZE = re.compile(rf"(total-vm|vsz|anon-rss|file-rss|shmem-rss|pgtables):({_N})kB")
_WORD = re.compile(rf"(UID|oom_score_adj):(-?{_N})")
_CONSTRAINTS: dict[str, Constraint] = {
    "NONE": "none", "CPUSET": "cpuset", "MEMORY_POLICY": "mempolicy", "MEMCG": "memcg",
}  # fmt: skip
_MEMCG_TEXTS = ("emory cgroup out of memory", "killed as a result of limit of")


def read(lines: Sequence[Line]) -> OomReport | None:
    """The first round told in these lines; None if they tell of none."""
    lines = _first_round(lines)
    invoker, asked = _invoker(lines)
    victim = _victim(lines)
    constraint = _constraint(lines)
    if invoker is None and victim is None:
        return None
    table = oom_tasks.rows(lines)
    size, told_by = oom_memory.page_size(lines, _victims_pages(victim, table))
    report = OomReport(
        constraint=constraint,
        by_hand=asked.get("order") == "-1",
        invoker=invoker,
        gfp_mask=_hex(asked.get("gfp")),
        gfp_flags=asked.get("flags"),
        order=int(asked["order"]) if "order" in asked else None,
        victim=victim,
        memcg=oom_memcg.read(lines),
        page_size=size,
        page_size_from=told_by,
        memory=oom_memory.read(lines, size),
        zones=oom_memory.zones(lines),
        tasks_seen=None if table is None else len(table),
        tasks=oom_tasks.biggest(table or (), size),
        comms=oom_tasks.by_comm(table or (), size),
        slabs=oom_memory.slabs(lines),
        conclusion="",
    )
    processes = {row.pid for row in table or ()}
    return report.model_copy(update={"conclusion": conclusion(report, processes)})


def _first_round(lines: Sequence[Line]) -> Sequence[Line]:
    """Without a second round, that a log without call traces may have joined to the first."""
    cut = [line._replace(text=line.text[:_LONGEST]) for line in lines]
    starts = [i for i, line in enumerate(cut) if " invoked oom-killer:" in line.text]
    return cut[: starts[1]] if len(starts) > 1 else cut


def _hex(text: str | None) -> str | None:
    return None if text is None else text if text.startswith("0x") else f"0x{text}"


def _invoker(lines: Sequence[Line]) -> tuple[OomInvoker | None, dict[str, str]]:
    for at, line in enumerate(lines):
        found = _INVOKED.match(line.text)
        if found is None:
            continue
        # the `CPU: PID: Comm:` line of the dumped stack follows at once
        pids = (m["pid"] for each in lines[at : at + 8] if (m := _INVOKER_PID.match(each.text)))
        pid = next(pids, None)
        invoker = OomInvoker(comm=found["comm"], pid=int(pid) if pid else None, line=line.number)
        return invoker, {key: text for key, text in found.groupdict().items() if text}
    return None, {}


def _constraint(lines: Sequence[Line]) -> Constraint | None:
    for line in lines:
        if found := _SUMMARY.match(line.text):
            return _CONSTRAINTS.get(found["constraint"])
    text_says = any(text in line.text for line in lines for text in _MEMCG_TEXTS)
    # the stack of whoever panics over it instead of killing (panic_on_oom) says so too
    stack_says = any("mem_cgroup_out_of_memory+0x" in line.text for line in lines)
    return "memcg" if text_says or stack_says else None


def _victim(lines: Sequence[Line]) -> OomVictim | None:
    """Of the line with sizes if there is one: a child may have been killed for the chosen task."""
    chosen: OomVictim | None = None
    uid: dict[int, int] = {}
    for line in lines:
        text = line.text
        if text.startswith("oom-kill:") and (found := _SUMMARY_TASK.search(text)):
            pid = int(found["pid"])
            uid[pid] = int(found["uid"])
            chosen = chosen or OomVictim(
                pid=pid, comm=found["comm"], uid=uid[pid], line=line.number
            )
        elif found := _KILLED.search(text):
            return _sized(found, line, uid)
        elif found := _CHOSEN.search(text):
            user = int(found["uid"]) if found["uid"] else uid.get(int(found["pid"]))
            chosen = OomVictim(
                pid=int(found["pid"]), comm=found["comm"], uid=user, line=line.number
            )
    return chosen


def _sized(found: re.Match[str], line: Line, uid: dict[int, int]) -> OomVictim:
    sizes = {name: int(kb) * 1024 for name, kb in _SIZE.findall(line.text, found.end())}
    words = {name: int(number) for name, number in _WORD.findall(line.text, found.end())}
    printed = found["uid"] or found["uid2"]
    pid = int(found["pid"])
    return OomVictim(
        pid=pid,
        comm=found["comm"],
        uid=int(printed) if printed else words.get("UID", uid.get(pid)),
        total_vm=sizes.get("total-vm", sizes.get("vsz")),
        anon_rss=sizes.get("anon-rss"),
        file_rss=sizes.get("file-rss"),
        shmem_rss=sizes.get("shmem-rss"),
        pgtables=sizes.get("pgtables"),
        oom_score_adj=words.get("oom_score_adj"),
        line=line.number,
    )


def _victims_pages(
    victim: OomVictim | None, table: Sequence[oom_tasks.Row] | None
) -> tuple[int, int] | None:
    """The victim's total_vm in bytes and in pages: together they tell the size of a page."""
    if victim is None or victim.total_vm is None:
        return None
    row = next((each for each in table or () if each.pid == victim.pid), None)
    return (victim.total_vm, row.total_vm) if row and row.total_vm else None
