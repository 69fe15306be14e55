# SPDX-License-Identifier: LGPL-2.1-or-later
"""How large a queue is, whose it is and how old, now and month by month. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from planex.pages.overview import OverviewRow, author_of, overview
from planex.pages.table import fitted, together
from planex.patchqueue.format.queue import PatchQueue
from planex.units import many

NO_SECTION = "(no section)"
_DAYS_OF_A_YEAR = 365.25


@dataclass(frozen=True, slots=True)
class Debt:
    """A queue in numbers. ``month`` is ``2026-11``; ages are days, None where no patch has a date.

    ``unreadable``: the series could not be read then, and all else is nought.
    """

    month: str
    commit: str
    patches: int = 0
    applied: int = 0
    added: int = 0
    removed: int = 0
    median_age: int | None = None
    oldest: int | None = None
    authors: tuple[tuple[str, int], ...] = ()
    sections: tuple[tuple[str, int], ...] = ()
    """In the order of the series."""
    unreadable: bool = False


def debt_of(queue: PatchQueue | None, when: datetime, commit: str = "") -> Debt:
    """What a queue owes at a time; its guards choose what is applied. None: it could not be read."""
    month = f"{when:%Y-%m}"
    return Debt(month, commit, unreadable=True) if queue is None else _sum(overview(queue, when), month, commit)


def _sum(rows: Sequence[OverviewRow], month: str, commit: str) -> Debt:
    ages = sorted(row.age for row in rows if row.age is not None)
    return Debt(
        month,
        commit,
        len(rows),
        sum(row.applied for row in rows),
        sum(row.added for row in rows),
        sum(row.removed for row in rows),
        ages[len(ages) // 2] if ages else None,
        ages[-1] if ages else None,
        tuple(Counter(author_of(row.author) for row in rows).most_common()),
        tuple(Counter(row.section or NO_SECTION for row in rows).items()),
    )


def debt_json(package: str, debts: Iterable[Debt]) -> dict[str, Any]:
    """Plain data."""
    rows = [asdict(debt) | {"authors": dict(debt.authors), "sections": dict(debt.sections)} for debt in debts]
    return {"format": 1, "package": package, "months": rows}


def debt_text(package: str, debts: Sequence[Debt], width: int) -> str:
    """A line per month with what changed since the one before; then whose it is now, and in which sections."""
    heads = ("month", "patches", "", "lines", "median age", "oldest", "")
    rows = [heads, *(_cells(debt, before) for debt, before in zip(debts, (None, *debts), strict=False))]
    now = debts[-1]
    parts = [f"{package}: {many(now.patches, 'patch', 'patches')}, {now.applied} applied", "", fitted(rows, width)]
    for title, counts in (("authors", now.authors), ("sections", now.sections)):
        if counts:
            parts += ["", title, fitted([(f"{count:>5}", name) for name, count in counts], width)]
    return "\n".join(parts)


def _cells(debt: Debt, before: Debt | None) -> tuple[str, ...]:
    if debt.unreadable:
        return (debt.month, "", "", "", "", "", "the series could not be read")
    change = debt.patches - before.patches if before and not before.unreadable else 0
    return (
        debt.month,
        f"{debt.patches:>7}",
        f"{change:+}" if change else "",
        f"+{debt.added} -{debt.removed}",
        _age(debt.median_age),
        _age(debt.oldest),
        _moved(debt, before),
    )


def _moved(debt: Debt, before: Debt | None) -> str:
    """``Backports +3, Toolstack -1``"""
    if before is None or before.unreadable:
        return ""
    changes = Counter(dict(debt.sections))
    changes.subtract(dict(before.sections))
    return together(f"{section} {count:+}" for section, count in changes.items() if count)


def _age(days: int | None) -> str:
    if days is None:
        return "-"
    return f"{days} d" if days < 2 * _DAYS_OF_A_YEAR else f"{days / _DAYS_OF_A_YEAR:.1f} y"
