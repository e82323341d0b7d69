"""What every page shares: style, security policy, links, the frame around it."""

import json
from collections.abc import Sequence
from typing import TypeVar

from markupsafe import Markup

from vmtriage import __version__
from vmtriage.models.finding import CrashClass
from vmtriage.report import human, templates
from vmtriage.report.site import names

_Item = TypeVar("_Item")

Files = dict[str, str]  # the text of each file, by its path below the site's root
SHOWN = 50  # crashes on a page; the others on numbered pages
PAGE = 500  # on a numbered page
GRAVE = ("regressed", "spreading", "new")  # states that want somebody, in this order


def page(template: str, directory: str, *, section: str = "", **context: object) -> str:
    """A page of the site in `directory` (empty: the root); section: the part it belongs to."""
    css, css_hash = templates.inline("report.css", "site/site.css")
    return (
        templates.html()
        .get_template(f"site/{template}.html.j2")
        .render(
            css=css,
            css_hash=css_hash,
            up=names.up(directory),
            section=section,
            to=names,
            version=__version__,
            class_words=class_words,
            moment=moment,
            grave=GRAVE,
            **context,
        )
    )


def as_json(schema: str, /, **content: object) -> str:
    """The JSON beside a page; schema: whose."""
    whole = {"schema": f"vmtriage/site/{schema}/1", **content}
    return json.dumps(whole) + "\n"  # indented it would take ten times as long


def class_words(kind: str) -> str:
    """A class in words; one that this version does not know as it is."""
    try:
        return human.crash_class(CrashClass(kind))
    except ValueError:
        return kind.replace("_", " ")


def moment(when: str) -> Markup:
    """A time of a row: short for the eye, whole for programs."""
    return Markup('<time datetime="{}">{}</time>').format(when, when[:16].replace("T", " "))


def pages_of(number: int) -> int:
    """How many numbered pages a list of so many takes; none while the first page holds it."""
    return -(-number // PAGE) if number > SHOWN else 0


def chunk(items: Sequence[_Item], number: int) -> Sequence[_Item]:
    """What stands on numbered page `number`, from 1."""
    return items[(number - 1) * PAGE : number * PAGE]
