# SPDX-License-Identifier: LGPL-2.1-or-later
"""Loads YAML into frozen, typed models; every mistake is reported at once, with its line. The only user of yaml.

No text takes more than seconds: its size, depth and number of values, with aliases counted as what they stand for,
have limits far above what a person writes.
"""

from __future__ import annotations

import os
import types
import typing
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from planex.complaints import complaint, joined
from planex.errors import ConfigError, Problem
from planex.fields import WrittenFloat, WrittenInt
from planex.nearest import did_you_mean
from planex.regular import NotRegular, read_regular

MAX_BYTES = 1 << 18
MAX_VALUES = 20_000
MAX_DEPTH = 40
MAX_PLAIN = 10_000
"""Characters of a text without quotes."""


class Model(BaseModel):
    """Base of all models: unknown keys are errors, values never change once loaded."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


M = TypeVar("M", bound=Model)


def load(path: Path, model: type[M]) -> M:
    """Read a YAML file into ``model``. Raises ConfigError with every problem in it."""
    try:
        text = read_regular(path, MAX_BYTES).decode()
    except NotRegular as error:
        if not os.path.lexists(path):
            raise ConfigError([Problem(path, 0, "file not found")]) from None
        raise ConfigError(error.message, error.hint) from None
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise ConfigError([Problem(path, line, "cannot be read: it is not UTF-8")]) from None
    return parse(text, model, path)


def parse(text: str, model: type[M], path: Path) -> M:
    """As load, from a text; ``path`` names it in errors."""
    node, data = _read(text, path)
    try:
        return model.model_validate({} if data is None else data)
    except ValidationError as error:
        raise ConfigError(_problems(error, node, model, path)) from None


def _read(text: str, path: Path) -> tuple[yaml.Node | None, Any]:
    """A text's nodes, which know their lines, and its values."""
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
        _refuse_duplicates(node, path)
        return node, None if node is None else loader.construct_document(node)
    except _TooMuch as error:
        assert error.problem_mark is not None
        raise ConfigError([Problem(path, error.problem_mark.line + 1, str(error.problem))]) from None
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        raise ConfigError([Problem(path, line, f"not valid YAML: {error.problem}")]) from None
    except (yaml.YAMLError, TypeError, ValueError, RecursionError, OverflowError) as error:
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise ConfigError([Problem(path, 0, f"not usable as YAML here: {reason}")]) from None


def _int(loader: _Loader, node: yaml.ScalarNode) -> int:
    plain = int(loader.construct_yaml_int(node))
    if str(plain) == node.value:
        return plain
    number = WrittenInt(plain)
    number.written = node.value
    return number


def _float(loader: _Loader, node: yaml.ScalarNode) -> float:
    number = WrittenFloat(loader.construct_yaml_float(node))
    number.written = node.value
    return number


class _TooMuch(yaml.MarkedYAMLError):
    """A text that is beyond a limit."""


class _Loader(yaml.SafeLoader):
    """Refuses what no person writes, as soon as it is seen. An alias counts as much as what it stands for."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._sizes: dict[str, int] = {}
        self._open: list[tuple[str | None, int]] = []  # anchor of each collection around, and the count before it
        self._count = 0

    def get_event(self) -> Any:
        event = super().get_event()  # type: ignore[no-untyped-call]
        match event:
            case yaml.AliasEvent():
                self._add(self._size_of(event), event)
            case yaml.CollectionStartEvent():
                self._open.append((event.anchor, self._count))
                self._add(1, event)
            case yaml.CollectionEndEvent():
                anchor, before = self._open.pop()
                self._sizes |= {anchor: self._count - before} if anchor else {}
            case yaml.ScalarEvent():
                self._sizes |= {event.anchor: 1} if event.anchor else {}
                self._add(1, event)
                self._check_plain(event)
        return event

    def _size_of(self, event: yaml.AliasEvent) -> int:
        anchor = str(event.anchor)
        if any(name == anchor for name, _ in self._open):
            raise _too_much(event, f"the alias '*{anchor}' stands inside of what it names")
        return self._sizes.get(anchor, 1)

    def _add(self, count: int, event: yaml.NodeEvent) -> None:
        self._count += count
        if self._count > MAX_VALUES:
            raise _too_much(event, f"more than {MAX_VALUES} values, aliases included")
        if len(self._open) > MAX_DEPTH:
            raise _too_much(event, f"nested more than {MAX_DEPTH} deep")

    def _check_plain(self, event: yaml.ScalarEvent) -> None:
        """A text without quotes may turn out to be a number, which takes long to read if it is long."""
        if not event.style and len(event.value) > MAX_PLAIN:
            raise _too_much(event, f"a text of more than {MAX_PLAIN} characters must be in quotes")


_Loader.add_constructor("tag:yaml.org,2002:int", _int)
_Loader.add_constructor("tag:yaml.org,2002:float", _float)


def _too_much(event: yaml.NodeEvent, message: str) -> _TooMuch:
    return _TooMuch(None, None, message, event.start_mark)  # type: ignore[arg-type]


def replace_scalar(text: str, keys: Sequence[str], value: str) -> str:
    """The YAML text with one value replaced and all else (comments, order, quotes) as it was; KeyError if it has none.

    ``keys`` lead to the value: ``("variables", "version")``.
    """
    node = _Loader(text).get_single_node()
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


def _problems(error: ValidationError, node: yaml.Node | None, model: type[Model], path: Path) -> list[Problem]:
    """Every mistake by line; of a value that may be of several types, which has one for each, a single one."""
    found: dict[tuple[int | str, ...], list[str]] = {}
    problems = []
    errors = error.errors()
    around = {details["loc"][:depth] for details in errors for depth in range(len(details["loc"]))}
    for details in errors:
        location = details["loc"]
        if details["type"] == "too_short" and location in around:
            continue  # its bad entries were not counted
        if details["type"] == "extra_forbidden":
            hint = did_you_mean(str(location[-1]), _fields(model, location[:-1]))
            problems.append(Problem(path, _line(node, location), f"unknown key '{_dotted(location)}'{hint}"))
        elif details["type"] == "missing":
            problems.append(Problem(path, _line(node, location), f"'{_dotted(location)}' is missing"))
        else:
            of_words = _is_words(_kind(model, location))
            found.setdefault(_in_file(node, location), []).append(complaint(details, of_words=of_words))
    for location, complaints in found.items():
        whole = "the file " if complaints[0].startswith("must ") else ""
        where = f"'{_dotted(location)}': " if location else whole
        problems.append(Problem(path, _line(node, location), where + joined(complaints)))
    return sorted(problems, key=lambda problem: problem.line)


def _dotted(location: Sequence[int | str]) -> str:
    return ".".join(str(part) for part in location)


def _in_file(node: yaml.Node | None, location: Sequence[int | str]) -> tuple[int | str, ...]:
    """The part of a location that leads through the file; what follows names a type that the value might have had."""
    for depth, part in enumerate(location):
        node = _inside(node, part)
        if node is None:
            return tuple(location[:depth])
    return tuple(location)


def _inside(node: yaml.Node | None, part: int | str) -> yaml.Node | None:
    if isinstance(node, yaml.MappingNode):
        return next((value for key, value in node.value if key.value == str(part)), None)
    if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
        inner: yaml.Node = node.value[part]
        return inner
    return None


def _line(node: yaml.Node | None, location: Sequence[int | str]) -> int:
    line = node.start_mark.line + 1 if node else 0
    for part in location:
        if isinstance(node, yaml.MappingNode):
            found = next(((key, value) for key, value in node.value if key.value == str(part)), None)
            if found is None:
                break
            key, node = found
            line = key.start_mark.line + 1
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            node = node.value[part]
            line = node.start_mark.line + 1
    return line


def _fields(model: type[Model], location: Sequence[int | str]) -> list[str]:
    kind = _kind(model, location)
    return list(kind.model_fields) if _is_model(kind) else []


def _kind(model: type[Model], location: Sequence[int | str]) -> Any:
    """The type of a field, or the model inside it."""
    kind: Any = model
    for part in location:
        if isinstance(part, str) and _is_model(kind) and part in kind.model_fields:
            kind = _inner(kind.model_fields[part].annotation)
    return kind


def _is_words(kind: Any) -> bool:
    """Whether a type has lists of words somewhere, and no other lists."""
    return kind == tuple[str, ...] or any(_is_words(inner) for inner in typing.get_args(kind))


def _inner(kind: Any) -> Any:
    """The model inside ``X | None``, ``tuple[X, ...]`` or ``dict[str, X]``."""
    if typing.get_origin(kind) in (typing.Union, types.UnionType, tuple, list, dict):
        inner = [_inner(argument) for argument in typing.get_args(kind)]
        return next((argument for argument in inner if _is_model(argument)), kind)
    return kind


def _is_model(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, Model)
