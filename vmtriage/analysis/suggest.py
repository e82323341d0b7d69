"""What a wrong key in a signature was probably meant to be."""

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any, get_args

from pydantic import BaseModel

from vmtriage.models.signature import Signature


def meant(where: tuple[int | str, ...]) -> str:
    """ ", did you mean stack?" for the last key of a path, or the keys there are."""
    if not where:
        return ""
    known = _keys(where[:-1])
    near = get_close_matches(str(where[-1]), known, n=1)
    if near:
        return f", did you mean {near[0]}?"
    return f"; known: {', '.join(known)}" if known else ""


def _keys(where: Iterable[int | str]) -> list[str]:
    model: type[BaseModel] | None = Signature
    for step in where:
        if model is None or isinstance(step, int):
            continue
        field = model.model_fields.get(step)
        model = _inner(field.annotation) if field else None
    return list(model.model_fields) if model else []


def _inner(annotation: Any) -> type[BaseModel] | None:
    """The model in an annotation like tuple[Match, ...] or MemoryMatch | None."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for each in get_args(annotation) if (found := _inner(each))), None)
