# SPDX-License-Identifier: LGPL-2.1-or-later
"""Columns of text."""

from __future__ import annotations

from collections.abc import Sequence


def table(rows: Sequence[Sequence[str]]) -> str:
    """Columns set out with spaces; the last is not filled up, and those without any text are left out."""
    filled = [column for column in zip(*rows, strict=True) if any(column)]
    widths = [max(map(len, column)) for column in filled[:-1]]
    lines = zip(*filled, strict=True)
    return "\n".join(
        "  ".join([*(cell.ljust(width) for cell, width in zip(line, widths, strict=False)), line[-1]]).rstrip()
        for line in lines
    )


def indented(text: str) -> str:
    """``text`` four columns further right."""
    return "\n".join(f"    {line}".rstrip() for line in text.splitlines())
