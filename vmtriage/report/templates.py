"""The template environments: everything printed is made safe unless a filter already did."""

import hashlib
from base64 import b64encode
from collections.abc import Callable
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import TYPE_CHECKING

from markupsafe import Markup

from vmtriage.errors import TriageError
from vmtriage.report import gaps, human, safe, stack, view

if TYPE_CHECKING:
    from jinja2 import Environment


@cache
def folder() -> Traversable:
    """The templates: in the wheel, else in the repository."""
    packed = files("vmtriage") / "_templates"
    if packed.is_dir():
        return packed
    source = Path(__file__).parents[2] / "reports" / "templates"
    if source.is_dir():
        return source
    raise TriageError("the report templates are missing", next_step="install vmtriage again")


def _load(name: str) -> str:
    return (folder() / name).read_text(encoding="utf-8")


def _environment(finalize: Callable[[object], object]) -> "Environment":
    # a text or JSON report needs no template: those come without the engine's start-up time
    from jinja2 import Environment, FunctionLoader, StrictUndefined

    env = Environment(
        loader=FunctionLoader(_load),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=finalize,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    env.filters |= {
        "size": human.size,
        "duration": human.duration,
        "secs": human.seconds,
        "iso": human.iso,
        "cpus": human.cpu_list,
        "rung_name": human.rung,
        "class_name": human.crash_class,
        "count": human.count,
        "number": "{:,}".format,
        "lag": "{:.3f} s".format,
        "part_name": gaps.PART_NAMES.__getitem__,
        "at": stack.at,
        "group_lines": view.group_lines,
    }
    return env


def _text(value: object) -> str:
    return "not known" if value is None else str(value)


@cache
def markdown() -> "Environment":
    """For Markdown: what is printed is escaped prose; |code, |cell and |fence quote the dump."""

    def finalize(value: object) -> object:
        return value if isinstance(value, Markup) else safe.md_prose(_text(value))

    env = _environment(finalize)
    env.filters |= {
        "code": lambda value: safe.md_code(_text(value)),
        "cell": lambda value: safe.md_code(_text(value), cell=True),
        "ours": lambda value: safe.md_prose(value, links=True),
        "fence": safe.md_fence,
        "summary": lambda value: Markup("<code>{}</code>").format(safe.visible(value)),
    }
    env.globals |= {"link": safe.md_link}
    return env


@cache
def html() -> "Environment":
    """For HTML: control and bidi characters become visible, then autoescape does the rest."""

    def finalize(value: object) -> object:
        return value if isinstance(value, Markup) else safe.visible(_text(value))

    env = _environment(finalize)
    env.filters |= {
        "quote": safe.html_line,
        "path": safe.html_path,
        "block": lambda value: Markup("{}").format(safe.block(value)),
    }
    env.tests |= {"web": safe.web}
    return env


def keep_compiled(cache_dir: Path) -> None:
    """What is compiled from now on is taken from the cache, or put there."""
    from vmtriage.report.compiled import Compiled

    html().bytecode_cache = markdown().bytecode_cache = Compiled(cache_dir)


def prepare(cache_dir: Path | None = None) -> None:
    """Compiles the templates while crash still reads the dump, or takes them from the cache."""
    if cache_dir is not None:
        keep_compiled(cache_dir)
    style()
    html().get_template("report.html.j2")
    for name in ("report.md.j2", "raw.md.j2"):
        markdown().get_template(name)


@cache
def inline(*names: str) -> tuple[Markup, str]:
    """Style sheets or a script for a page, and the hash by which its policy admits it alone."""
    text = "".join(_load(name) for name in names)
    digest = hashlib.sha256(text.encode()).digest()
    return Markup(text), f"'sha256-{b64encode(digest).decode()}'"


def style() -> tuple[Markup, str]:
    """The report's style sheet and its hash."""
    return inline("report.css")
