# SPDX-License-Identifier: LGPL-2.1-or-later
"""Verdicts and forecasts for people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from planex.pages.table import indented, table
from planex.patchqueue.carry.breaker import Breaker
from planex.patchqueue.carry.forecast import Matrix
from planex.patchqueue.carry.verdict import CHANGED, GONE, TROUBLE, Fate, Verdict


def summary(statuses: Iterable[Fate | str]) -> str:
    """``12 clean, 3 offset, 1 conflict``, in the order of the statuses."""
    counts = Counter(str(status) for status in statuses)
    return ", ".join(f"{counts[status]} {status}" for status in Fate if counts[status]) or "no patches"


def verdict_rows(verdicts: Iterable[Verdict]) -> list[tuple[str, str, str]]:
    return [(str(verdict.status), verdict.patch, verdict.why) for verdict in verdicts]


def forecast_text(matrix: Matrix, package: str, breakers: Mapping[str, Breaker]) -> str:
    """The matrix for people: a line per patch, a column per version; then each version's troubles."""
    head = ("patch", *(column.version.label for column in matrix.columns), "")
    rows = [head]
    first = matrix.first_bad
    for number, patch in enumerate(matrix.patches):
        cells = [str(column.verdicts[number].status) for column in matrix.columns]
        many = len(matrix.columns) > 1
        remark = f"first bad: {first[patch.name]}" if many and patch.name in first else ""
        rows.append((patch.name, *cells, remark))
    parts = [f"{package} {matrix.old.label}, {len(matrix.patches)} patches", "", table(rows)]
    for column in matrix.columns:
        parts += ["", f"{column.version.label}: {summary(v.status for v in column.verdicts)}"]
        notable = [v for v in column.verdicts if v.status in TROUBLE | GONE | CHANGED]
        parts += [indented(table(verdict_rows(notable)))] if notable else []
    if breakers:
        parts += ["", "First upstream commit that breaks a patch:"]
        parts += [indented(table([(patch, breaker.text) for patch, breaker in breakers.items()]))]
    return "\n".join(parts) + "\n"
