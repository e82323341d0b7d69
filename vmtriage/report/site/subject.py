"""The page of a host or a culprit: which problems it had, and when."""

from collections import Counter

from vmtriage.report.site import bars, listing, names
from vmtriage.report.site.crashes import MOST_NAMES, NAMES, Crashes
from vmtriage.report.site.frame import SHOWN, Files, as_json, page, pages_of
from vmtriage.report.site.rows import Named, latest


def host(name: str, crashes: Crashes) -> Files:
    """A host's page, its JSON and the numbered pages of its crashes."""
    return _files("host", name, names.host(name), "h", crashes)


def culprit(named: Named, crashes: Crashes) -> Files:
    """The same of an application, container, module ..."""
    return _files(named.kind, named.name, names.culprit(*named), "c", crashes)


def _files(kind: str, name: str, at: str, section: str, crashes: Crashes) -> Files:
    ordered = latest(crashes.rows)
    problems = Counter(each.problem for each in ordered).most_common()
    hosts = Counter(each.host for each in ordered).most_common()
    kernels = Counter(each.release for each in ordered if each.release).most_common()
    culprits = Counter(named for each in ordered for named in each.culprits[:1]).most_common()
    without = "host" if section == "h" else "culprit"
    made = {
        f"{at}/index.html": page(
            "subject", at, section=section, kind=kind, name=name, rows=ordered[:SHOWN],
            newest=crashes.newest, known=crashes.known, total=len(ordered), without=without,
            chart=bars.by_time(ordered, crashes.today), numbered=pages_of(len(ordered)),
            problems=problems[:MOST_NAMES], hosts=hosts[:MOST_NAMES], hosts_total=len(hosts),
            kernels=kernels[:MOST_NAMES], culprits=culprits[:MOST_NAMES], in_sight=NAMES,
        ),
        f"{at}/index.json": as_json(
            without, kind=kind, name=name, total=len(ordered), hosts=dict(hosts),
            problems=dict(problems), kernels=dict(kernels),
            crashes=[each._asdict() for each in ordered[:SHOWN]], pages=pages_of(len(ordered)),
        ),
    }  # fmt: skip
    return made | listing.crashes(at, name, crashes, without=without, section=section)
