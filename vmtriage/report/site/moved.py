"""Links that lead on: nothing that ever stood in a ticket ends nowhere."""

from vmtriage.report.site.frame import Files, as_json, page


def moved(directory: str, to: str, what: str) -> Files:
    """Where a link leads on: the problem or dump is another one now."""
    return {
        f"{directory}/index.html": page("moved", directory, target=to, what=what),
        f"{directory}/index.json": as_json("moved", moved_to=to),
    }


def gone(directory: str, what: str) -> Files:
    """For a link to something that no crash belongs to any more, but that somebody may follow."""
    return {
        f"{directory}/index.html": page("moved", directory, target=None, what=what),
        f"{directory}/index.json": as_json("moved", moved_to=None),
    }
