# SPDX-License-Identifier: LGPL-2.1-or-later
"""Loads YAML into frozen, typed models; every mistake is reported at once, with its line. The only user of yaml."""

from __future__ import annotations

import difflib
import types
import typing
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails

from planex.errors import ConfigError, Problem


class Model(BaseModel):
    """Base of all models: unknown keys are errors, values never change once loaded."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


M = TypeVar("M", bound=Model)


def load(path: Path, model: type[M]) -> M:
    """Read a YAML file into ``model``. Raises ConfigError with every problem in it."""
    try:
        text = path.read_text()
    except FileNotFoundError:
        raise ConfigError([Problem(path, 0, "file not found")]) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError([Problem(path, 0, f"cannot be read: {error}")]) from None
    return parse(text, model, path)


def parse(text: str, model: type[M], path: Path) -> M:
    """As load, from a text; ``path`` names it in errors."""
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        _refuse_duplicates(node, path)
        data = yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        raise ConfigError([Problem(path, line, f"not valid YAML: {error.problem}")]) from None
    except (yaml.YAMLError, TypeError, ValueError, RecursionError) as error:
        raise ConfigError([Problem(path, 0, f"not usable as YAML here: {str(error).splitlines()[0]}")]) from None
    try:
        return model.model_validate({} if data is None else data)
    except ValidationError as error:
        problems = [_problem(details, node, model, path) for details in error.errors()]
        raise ConfigError(sorted(problems, key=lambda problem: problem.line)) from None


def replace_scalar(text: str, keys: Sequence[str], value: str) -> str:
    """The YAML text with one value replaced and all else (comments, order, quotes) as it was; KeyError if it has none.

    ``keys`` lead to the value: ``("variables", "version")``.
    """
    node = yaml.compose(text, Loader=yaml.SafeLoader)
    for key in keys:
        values = node.value if isinstance(node, yaml.MappingNode) else []
        node = next((inner for name, inner in values if name.value == key), None)
    if not isinstance(node, yaml.ScalarNode):
        raise KeyError(".".join(keys))
    quote = node.style if node.style in ("'", '"') else '"'
    escaped = value.replace("'", "''") if quote == "'" else value.replace("\\", "\\\\").replace('"', '\\"')
    return text[: node.start_mark.index] + quote + escaped + quote + text[node.end_mark.index :]


def dump(data: Any) -> str:
    """YAML text of plain data, keys in the given order."""
    return yaml.safe_dump(data, sort_keys=False, allow_unicode=True, width=100)


def did_you_mean(word: str, known: Sequence[str]) -> str:
    """`` (did you mean 'x'?)`` for the closest known word, or nothing."""
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    return f" (did you mean '{close[0]}'?)" if close else ""


def _refuse_duplicates(node: yaml.Node | None, path: Path) -> None:
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            if not isinstance(key.value, str):
                raise ConfigError([Problem(path, key.start_mark.line + 1, "a key must be a word")])
            if key.value in seen:
                raise ConfigError([Problem(path, key.start_mark.line + 1, f"key '{key.value}' is given twice")])
            seen.add(key.value)
            _refuse_duplicates(value, path)
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            _refuse_duplicates(item, path)


def _problem(details: ErrorDetails, node: yaml.Node | None, model: type[Model], path: Path) -> Problem:
    location = details["loc"]
    where = ".".join(str(part) for part in location)
    line = _line(node, location)
    if details["type"] == "extra_forbidden":
        known = _fields(model, location[:-1])
        return Problem(path, line, f"unknown key '{where}'{did_you_mean(str(location[-1]), known)}")
    if details["type"] == "missing":
        return Problem(path, line, f"'{where}' is missing")
    message = details["msg"].removeprefix("Value error, ")
    return Problem(path, line, f"'{where}': {message}" if where else message)


def _line(node: yaml.Node | None, location: Sequence[int | str]) -> int:
    line = node.start_mark.line + 1 if node else 0
    for part in location:
        if isinstance(node, yaml.MappingNode):
            found = next(((key, value) for key, value in node.value if key.value == str(part)), None)
            if found is None:
                break
            key, node = found
            line = key.start_mark.line + 1
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int):
            node = node.value[part]
            line = node.start_mark.line + 1
    return line


def _fields(model: type[Model], location: Sequence[int | str]) -> list[str]:
    kind: Any = model
    for part in location:
        if isinstance(part, str) and _is_model(kind) and part in kind.model_fields:
            kind = _inner(kind.model_fields[part].annotation)
    return list(kind.model_fields) if _is_model(kind) else []


def _inner(kind: Any) -> Any:
    """The model inside ``X | None``, ``tuple[X, ...]`` or ``dict[str, X]``."""
    if typing.get_origin(kind) in (typing.Union, types.UnionType, tuple, list, dict):
        inner = [_inner(argument) for argument in typing.get_args(kind)]
        return next((argument for argument in inner if _is_model(argument)), kind)
    return kind


def _is_model(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, Model)
