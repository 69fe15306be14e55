# SPDX-License-Identifier: LGPL-2.1-or-later
"""Which snapshots to keep. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from planex.snapshot.channels import Promotion
from planex.snapshot.ident import parse_id
from planex.snapshot.record import Snapshot


@dataclass(frozen=True, slots=True)
class KeepRules:
    """How many days, weeks and months have one kept, and for how many days what a channel led to is.

    Broken ones, which are reports and logs, are kept for the last ``daily`` days.
    """

    daily: int = 14
    weekly: int = 8
    monthly: int = 12
    promoted: int = 180


def kept(
    snapshots: Sequence[Snapshot],
    promotions: Iterable[Promotion],
    leads: Iterable[str],
    rules: KeepRules,
    now: datetime,
) -> dict[str, str]:
    """Id to why it is kept. ``snapshots`` from old to new; ``leads``: where links lead now."""
    found: dict[str, str] = {}
    for snapshot in snapshots[-1:]:
        found[snapshot.id] = "the newest"
    for ident in leads:
        found.setdefault(ident, "a channel leads to it")
    since = now - timedelta(days=rules.promoted)
    for promotion in promotions:
        for ident in (promotion.now, promotion.was):
            if ident and _moment(promotion.when, now) >= since:
                found.setdefault(ident, f"{promotion.channel} led to it")
    periods: tuple[tuple[int, str, Callable[[date], object]], ...] = (
        (rules.daily, "of its day", lambda day: day),
        (rules.weekly, "of its week", lambda day: day.isocalendar()[:2]),
        (rules.monthly, "of its month", lambda day: (day.year, day.month)),
    )
    for count, why, period in periods:
        for ident in _newest(snapshots, count, period):
            found.setdefault(ident, f"the newest good {why}")
    for snapshot in snapshots:
        day = _day(snapshot)
        if not snapshot.good and day and day > now.date() - timedelta(days=rules.daily):
            found.setdefault(snapshot.id, "broken, and of the last days")
    return found


def _moment(text: str, now: datetime) -> datetime:
    """When that was; now, where it cannot be read: what is not understood is not deleted."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return now
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _day(snapshot: Snapshot) -> date | None:
    ident = parse_id(snapshot.id)
    return datetime.strptime(ident.day, "%Y%m%d").replace(tzinfo=UTC).date() if ident else None


def _newest(snapshots: Sequence[Snapshot], count: int, period: Callable[[date], object]) -> list[str]:
    """The newest good snapshot of each of the last ``count`` periods that have one."""
    chosen: dict[object, str] = {}
    for snapshot in reversed(snapshots):
        if snapshot.good and (day := _day(snapshot)):
            chosen.setdefault(period(day), snapshot.id)
    return list(chosen.values())[:count]
