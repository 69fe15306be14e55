# SPDX-License-Identifier: LGPL-2.1-or-later
"""Columns of text."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Sequence

WIDTH = 120
"""Columns, where nobody says how many there are."""
_NARROW = 30
"""Columns below which the last cell of a line goes under it."""

_NO_BREAK = "\N{NO-BREAK SPACE}"


def table(rows: Sequence[Sequence[str]]) -> str:
    """Columns set out with spaces; the last is not filled up, and those without any text are left out."""
    return "\n".join(f"{lead}{last}".rstrip() for lead, last in _lines(rows))


def fitted(rows: Sequence[Sequence[str]], width: int, indent: int = 0) -> str:
    """A table whose last column is broken between words where a line would be wider: it hangs under itself, or, where
    there is little room, under its line."""
    lines = [(" " * indent + lead, last) for lead, last in _lines(rows)]
    margin = max((len(lead) for lead, _ in lines), default=0)
    return "\n".join(part.rstrip() for lead, last in lines for part in _hung(lead, last, margin, width, indent + 4))


def _hung(lead: str, last: str, margin: int, width: int, step: int) -> Iterator[str]:
    room = width - margin
    first, *more = broken(last, room) or [""]
    if (more and room < _NARROW) or max(map(len, (first, *more))) > room:
        first, margin, more = "", step, broken(last, width - step)
    yield lead + first
    yield from (" " * margin + part for part in more)


def folded(rows: Sequence[Sequence[str]], width: int, indent: int) -> list[str]:
    """A text for each row of a table. As many of its last columns as do not fit go to lines of their own below it."""
    for kept in range(len(rows[0]) if rows else 0, 0, -1):
        lines = [f"{lead}{last}".rstrip() for lead, last in _lines([row[:kept] for row in rows])]
        if max(map(len, lines)) <= width or kept == 1:
            rest = ["  ".join(filter(None, row[kept:])) for row in rows]
            return [_with_rest(line, text, width, indent) for line, text in zip(lines, rest, strict=True)]
    return []


def _with_rest(line: str, rest: str, width: int, indent: int) -> str:
    return "\n".join([line, *(" " * indent + part for part in broken(rest, width - indent))])


def broken(text: str, width: int) -> list[str]:
    """Lines of a text, broken between words only."""
    lines = textwrap.wrap(text, max(width, 1), break_long_words=False, break_on_hyphens=False)
    return [line.replace(_NO_BREAK, " ") for line in lines]


def together(items: Iterable[str]) -> str:
    """A list with commas that is broken only between its items."""
    return ", ".join(item.replace(" ", _NO_BREAK) for item in items)


def _lines(rows: Sequence[Sequence[str]]) -> Iterator[tuple[str, str]]:
    """Each row's columns but the last, filled up, and the last."""
    filled = [column for column in zip(*rows, strict=True) if any(column)]
    widths = [max(map(len, column)) for column in filled[:-1]]
    for line in zip(*filled, strict=True):
        yield "".join(cell.ljust(width) + "  " for cell, width in zip(line, widths, strict=False)), line[-1]


def indented(text: str) -> str:
    """``text`` four columns further right."""
    return "\n".join(f"    {line}".rstrip() for line in text.splitlines())
