# SPDX-License-Identifier: LGPL-2.1-or-later
"""Kinds of values in the files that a person writes: names, versions, words, sizes, times."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from pydantic import BeforeValidator, Field

from planex.units import parse_size, parse_time


def as_tuple(value: object) -> object:
    """A tuple for a list; anything else as it is, for the schema to judge."""
    return tuple(value) if isinstance(value, list) else value


class WrittenInt(int):
    """A whole number that does not look as it was ``written``: YAML reads 010 as 8."""

    written: str


class WrittenFloat(float):
    """A number, and how it was ``written``: YAML reads 4.20 as 4.2."""

    written: str


def text_of(value: object) -> object:
    """A text, also from a whole number. What YAML would read as another text must be quoted."""
    if isinstance(value, (WrittenInt, WrittenFloat)):
        raise ValueError(f'is read as the number {value}; write it in quotes: "{value.written}"')
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _parsed(parse: Callable[[str], object]) -> Callable[[object], object]:
    """A validator that reads a text such as ``8G``; a bare number is refused, since it has no unit."""

    def read(value: object) -> object:
        if not isinstance(value, str):
            raise ValueError(f"{value} has no unit: write it as a text such as 8G or 2h")
        return parse(value)

    return read


Words = Annotated[tuple[str, ...], BeforeValidator(as_tuple)]
Version = Annotated[str, BeforeValidator(text_of), Field(pattern=r"^[A-Za-z0-9._+~^]+$")]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._+-]*$")]
Names = Annotated[tuple[Name, ...], BeforeValidator(as_tuple)]
"""Of packages, for instance: none can be taken for an option."""
Size = Annotated[int, BeforeValidator(_parsed(parse_size)), Field(ge=1)]
Time = Annotated[float, BeforeValidator(_parsed(parse_time)), Field(gt=0)]
