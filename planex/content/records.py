# SPDX-License-Identifier: LGPL-2.1-or-later
"""Records: frozen dataclasses kept as JSON, ``{"format": N, <fields>}``, and read back with every type checked.

Most are caches: one that cannot be read (cut off, not JSON, of another shape or format) is not there, and what it
held is made again. ``require`` is for the few that a person needs.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Hashable, Mapping, Set
from dataclasses import fields, is_dataclass
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, cast

from pydantic import TypeAdapter, ValidationError

from planex.disk import naming
from planex.drafts import write_atomic
from planex.errors import PlanexError
from planex.regular import NotRegular, read_regular

LIMIT = 1 << 28
"""Bytes. No record is that large; what is, is none."""

T = TypeVar("T")


class Damaged(PlanexError):
    """A file does not hold what it should. The message says what is wrong with it, without the file's name."""


class NewerFormat(Damaged):
    """A file of a later format than this planex knows."""


def parse(data: bytes, kind: type[T], format: int | None) -> T:  # noqa: A002
    """The record in ``data``. Raises Damaged if it is none of this kind and format (None: of before there were any)."""
    try:
        raw = json.loads(data)  # and not pydantic's reader, which takes no names of files that are not UTF-8
    except (ValueError, RecursionError):
        raise Damaged("it is not JSON" if data.strip() else "it is empty") from None
    found = raw.get("format") if isinstance(raw, dict) else None
    if format and isinstance(found, int) and found > format:
        raise NewerFormat(f"it is of format {found}, and this planex knows formats up to {format}")
    if not isinstance(raw, dict) or found != format:
        raise Damaged(f"it is not of format {format}")
    return from_plain(raw, kind)


def from_plain(raw: object, kind: type[T]) -> T:
    """The record in what JSON gave, as a caged child answers it. Raises Damaged if it is none of this kind."""
    try:
        record: T = _adapter(cast(Hashable, kind)).validate_python(raw)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise Damaged(f"'{where}' in it is not as expected" if where else "it is of another shape") from None
    return record


def load(path: Path, kind: type[T], format: int | None) -> T | None:  # noqa: A002
    """A cached record; None where there is none that can be used."""
    try:
        return parse(read_regular(path, LIMIT), kind, format)
    except (NotRegular, Damaged):
        return None


def require(path: Path, kind: type[T], format: int, hint: str) -> T:  # noqa: A002
    """A record that a person needs: PlanexError, with ``hint``, if it cannot be used."""
    try:
        return parse(read_regular(path, LIMIT), kind, format)
    except NotRegular as error:
        raise PlanexError(error.message, hint) from None
    except NewerFormat as error:
        raise PlanexError(f"{path} is of a newer planex: {error.message}", "use a newer planex") from None
    except Damaged as error:
        raise PlanexError(f"{path} is damaged: {error.message}", hint) from None


def text(value: object, format: int) -> str:  # noqa: A002
    """The JSON of a record, one field a line at each level."""
    return json.dumps(_fields(value, format), indent=1, default=_plain) + "\n"


def save(path: Path, value: object, format: int | None) -> None:  # noqa: A002
    """Write a record, whole or not at all; on one line, for a long one then takes a tenth of the time."""
    with naming(path, "write"):
        write_atomic(path, json.dumps(_fields(value, format), default=_plain) + "\n")


def _fields(value: object, format: int | None) -> dict[str, object]:  # noqa: A002
    assert is_dataclass(value)
    own = {field.name: getattr(value, field.name) for field in fields(value)}
    return own if format is None else {"format": format, **own}


def _plain(value: object) -> object:
    """What JSON has no form for: records as their fields, paths as text, sets as sorted lists, bytes in base 64."""
    match value:
        case _ if is_dataclass(value):
            return _fields(value, None)
        case bytes():
            return base64.b64encode(value).decode()
        case Set():
            return sorted(value)
        case Mapping():
            return dict(value)
    return str(value)


@cache
def _adapter(kind: Hashable) -> TypeAdapter[Any]:
    return TypeAdapter(cast(Any, kind))
