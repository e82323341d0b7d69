"""A problem's page: what it is, what its crashes share, where it was seen."""

from collections import Counter

from vmtriage.models.problem import ProblemView
from vmtriage.report.site import bars, listing, names
from vmtriage.report.site.crashes import MOST_NAMES, NAMES, Crashes
from vmtriage.report.site.frame import SHOWN, Files, as_json, page, pages_of
from vmtriage.report.site.rows import latest


def files(view: ProblemView, crashes: Crashes) -> Files:
    """The page, its JSON and the numbered pages of its crashes."""
    at = names.problem(view.id)
    ordered = latest(crashes.rows)
    culprits = Counter(each.culprits[0] for each in ordered if each.culprits)
    made = {
        f"{at}/index.html": page(
            "problem", at, section="p", p=view, rows=ordered[:SHOWN], newest=crashes.newest,
            known=crashes.known, chart=bars.by_time(ordered, crashes.today),
            numbered=pages_of(len(ordered)), total=len(ordered), hosts=view.hosts[:MOST_NAMES],
            culprits=culprits.most_common(MOST_NAMES), in_sight=NAMES,
        ),
        f"{at}/index.json": as_json(
            "problem", problem=view.model_dump(mode="json"),
            crashes=[each._asdict() for each in ordered[:SHOWN]], pages=pages_of(len(ordered)),
        ),
    }  # fmt: skip
    return made | listing.crashes(at, view.title, crashes, without="problem", section="p")
