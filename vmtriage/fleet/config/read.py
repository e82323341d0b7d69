"""The configuration file read: all that is wrong with it at once, each with its line."""

import re
import tomllib
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from pathlib import Path
from types import NoneType
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from vmtriage.errors import BadConfig
from vmtriage.fleet.config.lines import Lines, Where
from vmtriage.fleet.config.model import Config
from vmtriage.report.safe import visible

_MOST = 4 << 20  # bytes
_SECRETS = ("token", "password", "secret", "api_key", "url")


def read(path: Path) -> Config:
    """BadConfig: one line `FILE:LINE: key: what is wrong` for each mistake."""
    try:
        with path.open("rb") as file:
            data = file.read(_MOST + 1)
        if len(data) > _MOST:
            raise BadConfig(f"{path}: too large for a configuration", next_step=_NEXT)
        text = data.decode("utf-8")
    except OSError as error:
        raise BadConfig(f"{path}: {error.strerror}", next_step=_NEXT) from error
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise BadConfig(f"{path}:{line}: this is no UTF-8", next_step=_NEXT) from error
    return parse(text, str(path))


def parse(text: str, name: str) -> Config:
    """Of a text; `name` stands in messages."""
    text = text.replace("\r\n", "\n")
    if not text.strip():  # else all that is found meanwhile would count as told, to nobody
        raise BadConfig(f"{name}: it is empty: it may be being written just now", next_step=_NEXT)
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        line, reason = _syntax(str(error), text)
        raise BadConfig(f"{name}:{line}: {reason}", next_step=_NEXT) from None
    config, wrong = None, list(_dangling(data))
    try:
        config = Config.model_validate(data)
    except ValidationError as error:
        wrong += [_told(each, data) for each in error.errors(include_url=False)]
    if wrong:
        lines = Lines(text)
        told = sorted({(lines.of(where), _key(where), reason) for where, reason in wrong})
        message = "\n".join(f"{name}:{line}: {key}: {reason}" for line, key, reason in told)
        raise BadConfig(message, next_step=_NEXT) from None
    assert config is not None
    return config


_NEXT = "check it with: vmtriage config check FILE; `vmtriage example config` shows one"


def _syntax(said: str, text: str) -> tuple[int, str]:
    found = re.search(r" \(at line (\d+), column \d+\)$", said)
    if found:
        return int(found[1]), said[: found.start()]
    return text.rstrip("\n").count("\n") + 1, said.removesuffix(" (at end of document)")


def _key(where: Where) -> str:
    """As it would be written: notifiers.ops.url, routes[2].to, counted from 1."""
    out = ""
    for step in where:
        out += f"[{step + 1}]" if isinstance(step, int) else f".{visible(step)}"
    return out.lstrip(".") or "file"


def _told(error: ErrorDetails, data: Any) -> tuple[Where, str]:
    """Where, without the tags that unions add, and what. Never the value: it may be a secret."""
    where = _real(error["loc"], data)
    if error["type"] == "extra_forbidden":
        return where, _unknown(error["loc"], str(where[-1]))
    if error["type"] == "missing":
        return where, "is missing"
    if error["type"] == "union_tag_not_found":
        return where, f"needs a kind: one of {error['ctx']['expected_tags']}"
    if error["type"] == "union_tag_invalid":
        expected = error["ctx"]["expected_tags"]
        return (*where, "kind"), f"there is no such kind; there are {expected}"
    return where, error["msg"].removeprefix("Value error, ")


def _real(loc: Sequence[str | int], data: Any) -> tuple[str | int, ...]:
    """Steps that the file has; the last one may be missing in it."""
    out: list[str | int] = []
    for number, step in enumerate(loc):
        if isinstance(data, dict) and step not in data and number < len(loc) - 1:
            continue  # the tag of a union
        if step == "[key]":
            continue
        is_tag = isinstance(data, dict) and step not in data and data.get("kind") == step
        if is_tag:
            continue
        out.append(step)
        try:
            data = data[step]
        except (KeyError, IndexError, TypeError):
            data = None
    return tuple(out)


def _unknown(loc: Sequence[str | int], key: str) -> str:
    model = _model_at(loc[:-1])
    names = list(model.model_fields) if model else []
    if key in _SECRETS and f"{key}_env" in names:
        return f"a secret does not stand in this file: use {key}_env or {key}_file"
    near = get_close_matches(key.replace("-", "_").lower(), names, 1, 0.6)
    hint = f"; did you mean {near[0]}?" if near else f"; there are {', '.join(sorted(names))}"
    return f"no such key{hint if names else ''}"


def _model_at(loc: Sequence[str | int]) -> type[BaseModel] | None:
    """The model that reads what stands there."""
    kind: Any = Config
    for step in loc:
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            field = kind.model_fields.get(str(step))
            if field is None:
                return None
            kind = field.annotation
        elif get_origin(kind) in (tuple, dict):
            kind = [each for each in get_args(kind) if each is not Ellipsis][-1]
        else:
            kind = next((each for each in _models(kind) if _tag(each) == step), None)
        kind = _only(kind)
    return kind if isinstance(kind, type) and issubclass(kind, BaseModel) else None


def _only(kind: Any) -> Any:
    """X of `X | None`."""
    told = [each for each in get_args(kind) if each is not NoneType]
    is_union = NoneType in get_args(kind)
    return told[0] if is_union and len(told) == 1 else kind


def _models(kind: Any) -> Iterator[type[BaseModel]]:
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        yield kind
    for each in get_args(kind):
        yield from _models(each)


def _tag(model: type[BaseModel]) -> str | None:
    field = model.model_fields.get("kind")
    if field is None or get_origin(field.annotation) is not Literal:
        return None
    return str(get_args(field.annotation)[0])


def _dangling(data: Any) -> Iterator[tuple[Where, str]]:
    """Routes to notifiers that are not there."""
    names = data.get("notifiers")
    known = list(names) if isinstance(names, dict) else []
    routes = data.get("routes")
    for number, route in enumerate(routes if isinstance(routes, list) else ()):
        to = route.get("to", ()) if isinstance(route, dict) else ()
        many = isinstance(to, list)
        for index, name in enumerate(to if many else [to]):
            if isinstance(name, str) and name not in known:
                near = get_close_matches(name, known, 1, 0.6)
                hint = f"; did you mean {near[0]}?" if near else ""
                where: Where = ("routes", number, "to", index) if many else ("routes", number, "to")
                yield where, f"there is no notifier {visible(name)!r}{hint}"
