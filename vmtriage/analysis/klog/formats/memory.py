"""Memory: none left, or not what it should be.

Sources: mm/oom_kill.c, mm/page_alloc.c, mm/memory.c, kernel/fork.c, mm/slub.c, mm/slab.c,
mm/slab_common.c, mm/vmalloc.c, mm/swap_state.c, mm/page_io.c.
"""

from vmtriage.analysis.klog.formats.form import Blame, Format
from vmtriage.models.finding import CrashClass as C

_TRACE = 400

MEMORY: tuple[Format, ...] = (
    Format(
        "oom", C.OOM, "out of memory: {comm}",
        ("invoked oom-killer",), r"^\S.*? invoked oom-killer",
        "serious", Blame.NOBODY, 4000,
    ),
    Format(
        "oom-kill", C.OOM, "out of memory: {comm}",
        ("ut of memory: Kill", "ut of memory: kill", "ut of memory (oom_kill",
         "oom-kill:constraint",
         "System is deadlocked on memory"),
        r"(?:Out of memory|[Mm]emory cgroup out of memory)(?: \(oom_kill_allocating_task\))?:"
        r" [Kk]ill(?:ed)? process (?P<pid>\d+),? (?:UID \d+, )?\((?P<comm>.*?)\)"
        r"|oom-kill:constraint=.*,task=(?P<comm2>.+),pid=(?P<pid2>\d+)"
        r"|System is deadlocked on memory|[Mm]emory cgroup out of memory: [Kk]ill",
        "serious", Blame.NOBODY, 6, tail=True,
    ),
    Format(
        "oom-limit", C.OOM, "out of memory: a cgroup's limit is reached",
        ("killed as a result of limit",), r"^Task in \S.* killed as a result of limit of ",
        "serious", Blame.NOBODY, 400, tail=True,
    ),
    Format(
        "bad-page", C.BAD_PAGE, "bad page state",
        ("BUG: Bad page", "Bad page state", "Eeek! page_mapcount"),
        r"BUG: Bad page (?:state|cache) in process (?P<comm>.+?) +pfn|BUG: Bad page (?:state|cache)"
        r"|Bad page state in process|Eeek! page_mapcount",
        "serious", Blame.OWNER, _TRACE,
    ),
    Format(
        "bad-mapping", C.BAD_PAGE, "bad page tables",
        ("BUG: Bad page map", "BUG: Bad rss-counter", "pgtables_bytes on freeing",
         "nr_ptes on freeing",
         "Bad pagetable: ", "orrupted page table at", ": bad p"),
        r"BUG: Bad page map|BUG: Bad rss-counter|BUG: non-zero \w+ on freeing mm"
        r"|^Bad pagetable: |[Cc]orrupted page table at address"
        r"|\.c:\d+: bad p[mug4]d ",
        "serious", Blame.TRACE, 120,
    ),
    Format(
        "slub", C.SLAB_CORRUPTION, "slab corruption in {what}",
        ("BUG ",),
        r"^BUG:? (?P<what>[\w.:-]+(?:\([^)]*\))?):? ?\((?:Tainted|Not tainted|[A-Z ]+)[^)]*\):? ?"
        r"(?:.*[Rr]edzone|.*[Pp]oison|.*[Oo]verwritten|.*[Ff]reelist|.*[Pp]adding|.*already|.*Wrong"
        r"|.*[Ii]nvalid|.*pointer|Objects remaining|.*[Ff]ree|.*corrupt)"
        r"|^BUG:? (?P<what2>[\w.:-]+): (?:Object already free|Objects remaining|[\w ]*(?:Redzone"
        r"|Padding)"
        r"|Poison overwritten|Freechain|Freepointer|Invalid object|Not a valid slab page"
        r"|SLUB page)",
        "panic", Blame.TRACE, 200,
    ),
    Format(
        "slab", C.SLAB_CORRUPTION, "slab corruption",
        ("lab corruption", "lab error in", "Wrong slab cache", "at mm/slub.c", "at mm/slab"),
        r"[Ss]lab corruption|slab error in|kernel BUG at mm/sl[aou]b(?:_common)?\.c"
        r"|cache_from_obj: Wrong slab cache",
        "panic", Blame.TRACE, 200,
    ),
    Format(
        "slab-in-use", C.SLAB_CORRUPTION, "slab cache {what} destroyed with objects in it",
        ("Slab cache still has objects",),
        r"kmem_cache_destroy (?P<what>\S+): Slab cache still has objects"
        r"(?: when called from (?P<fn>[A-Za-z_][\w.]*))?",
        "serious", Blame.TITLE, 200,
    ),
    Format(
        "slub-history", C.SLAB_CORRUPTION, "slab object's history",
        ("INFO: Allocated in", "INFO: Freed in"),
        r"INFO: (?:Allocated|Freed) in (?P<fn>[\w.]+)",
        "notable", Blame.NOBODY, 100, tail=True,
    ),
    Format(
        "swap-io", C.IO_ERROR, "swap device failed",
        ("-error on swap-device", "Bad swap file entry", "Bad swap offset", "Unused swap offset"),
        r"(?:Read|Write)-error on swap-device \((?P<device>[\d:]+)|Bad swap (?:file entry"
        r"|offset entry)"
        r"|Unused swap offset",
        "serious",
    ),
)  # fmt: skip

# A request that was not met. It explains no fault that is told in the same lines.
SHORTAGES: tuple[Format, ...] = (
    Format(
        "page-allocation", C.OOM, "page allocation failure, {what}",
        ("page allocation failure", "page allocation stalls"),
        r"(?:^(?P<comm>\S[^:]{0,40}): )?page allocation (?:failure"
        r"|stalls)[.:]* ?(?P<what>order:\d+)?",
        "notable", Blame.TRACE, 300,
    ),
    Format(
        "slub-allocation", C.OOM, "slab allocation failed",
        ("SLUB: Unable to allocate", "SLAB: Unable to allocate"),
        r"SL[UA]B: Unable to allocate memory on (?:node|CPU)", "notable",
    ),
    Format(
        "vmalloc", C.OOM, "vmalloc allocation failed",
        ("vmalloc: allocation failure", "vmap allocation for size", "vmalloc error"),
        r"vmalloc: allocation failure|vmap allocation for size|vmalloc error: size",
        "notable", Blame.TRACE, 100,
    ),
)  # fmt: skip
