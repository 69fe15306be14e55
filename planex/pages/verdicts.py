# SPDX-License-Identifier: LGPL-2.1-or-later
"""Verdicts and forecasts for people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from planex.pages.needs import need, stretches
from planex.pages.table import WIDTH, fitted, table, together
from planex.patchqueue.carry.breaker import Breaker
from planex.patchqueue.carry.forecast import Column, Matrix
from planex.patchqueue.carry.offers import Offers
from planex.patchqueue.carry.verdict import CHANGED, GONE, STOPS, Fate, Verdict
from planex.units import many


def summary(statuses: Iterable[Fate | str]) -> str:
    """``12 clean, 3 offset, 1 conflict``, in the order of the statuses."""
    return ", ".join(_counted(statuses)) or "no patches"


def _counted(statuses: Iterable[Fate | str]) -> list[str]:
    counts = Counter(str(status) for status in statuses)
    return [f"{counts[status]} {status}" for status in Fate if counts[status]]


def verdict_rows(verdicts: Iterable[Verdict]) -> list[tuple[str, str, str]]:
    return [(str(verdict.status), verdict.patch, verdict.why) for verdict in verdicts]


def forecast_text(
    matrix: Matrix, package: str, breakers: Mapping[str, Breaker], width: int = WIDTH, offers: Offers | None = None
) -> str:
    """The matrix for people: what becomes of each patch; why, version by version; and at the end how bad it is."""
    parts = [
        f"{package} {matrix.old.label}, {many(len(matrix.patches), 'patch', 'patches')}",
        "",
        _matrix_text(matrix, width),
    ]
    for column in matrix.columns:
        notable = [v for v in column.verdicts if v.status in STOPS | GONE | CHANGED]
        rows = _told(notable, column, offers or {})
        parts += ["", f"on {column.version.label}", fitted(rows, width, 4)] if notable else []
    if breakers:
        parts += ["", "First upstream commit that breaks a patch:"]
        parts += [fitted([(patch, breaker.text) for patch, breaker in breakers.items()], width, 4)]
    return "\n".join([*parts, "", fitted(_totals(matrix), width)]) + "\n"


def _told(verdicts: Sequence[Verdict], column: Column, offers: Offers) -> list[tuple[str, str, str]]:
    """Rows, where proposals say how far they are proved."""
    built = [offers.get((column.version.label, verdict.patch)) for verdict in verdicts]
    rows = zip(verdict_rows(verdicts), built, strict=True)
    return [(status, patch, f"{why}; {found.built}" if found else why) for (status, patch, why), found in rows]


def _totals(matrix: Matrix) -> list[tuple[str, str, str]]:
    """A line per version: how many patches need a person, and how many have each status."""
    return [
        (f"{column.version.label}:", need(column), together(_counted(v.status for v in column.verdicts)))
        for column in matrix.columns
    ]


def _matrix_text(matrix: Matrix, width: int) -> str:
    """A line per patch and a column per version; where that is too wide, from which version to which in words."""
    text = table(_cells(matrix))
    if max(map(len, text.splitlines())) <= width:
        return text
    return fitted([(patch.name, _course(matrix, number)) for number, patch in enumerate(matrix.patches)], width)


def _course(matrix: Matrix, number: int) -> str:
    first, *more = stretches(matrix, number, whole=False)
    return together(f"{one.verdict.status} {one.span}" for one in (first, *more)) if more else str(first.verdict.status)


def _cells(matrix: Matrix) -> list[tuple[str, ...]]:
    first = matrix.first_bad if len(matrix.columns) > 1 else {}
    rows = [("patch", *(column.version.label for column in matrix.columns), "")]
    for number, patch in enumerate(matrix.patches):
        remark = f"first bad: {first[patch.name]}" if patch.name in first else ""
        rows.append((patch.name, *(str(column.verdicts[number].status) for column in matrix.columns), remark))
    return rows
