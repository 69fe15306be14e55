# SPDX-License-Identifier: LGPL-2.1-or-later
"""Names of snapshots: ``20261124.01-0123456789ab``. Up to 99 of a day sort as text in the order of
their making. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

_FORM = re.compile(r"(\d{8})\.(\d{2,4})-([0-9a-f]{12})(-dirty)?", re.ASCII)


@dataclass(frozen=True, slots=True, order=True)
class SnapshotId:
    """``day``: YYYYMMDD (UTC); ``number``: which of that day, from 1; ``commit``: of the workspace, 12 digits.

    ``dirty``: the workspace was not as it is in the commit.
    """

    day: str
    number: int
    commit: str
    dirty: bool = False

    def __str__(self) -> str:
        return f"{self.day}.{self.number:02}-{self.commit}{'-dirty' if self.dirty else ''}"


def parse_id(text: str) -> SnapshotId | None:
    """The snapshot of this name; None if it is no name of one."""
    match = _FORM.fullmatch(text)
    return SnapshotId(match[1], int(match[2]), match[3], bool(match[4])) if match else None


def next_id(known: Iterable[SnapshotId], today: date, commit: str, *, dirty: bool) -> SnapshotId:
    """The name of a new snapshot. It comes after all that are known, whatever the clock says."""
    last = max(known, default=None)
    day = f"{today:%Y%m%d}"
    if last is None or day > last.day:
        return SnapshotId(day, 1, commit[:12], dirty)
    return SnapshotId(last.day, last.number + 1, commit[:12], dirty)
