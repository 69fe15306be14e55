# SPDX-License-Identifier: LGPL-2.1-or-later
"""What is kept of the ISO that was made last, from which the next is made where only a few of its files are others."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from planex.content import records, stamps
from planex.content.copies import copy_file
from planex.content.stamps import Stamp
from planex.medium.again import changes, exchange
from planex.medium.respin import Respin, Respun

_FORMAT = 1
_KEPT = "last.json"


@dataclass(frozen=True, slots=True)
class LastIso:
    """``shape``: what it was made from, but for the contents of files (``planex.medium.again``)."""

    shape: str
    stamp: Stamp
    made: Respun


def keep_last(work: Path, iso: Path, shape: str, made: Respun) -> None:
    records.save(work / _KEPT, LastIso(shape, stamps.stamp(iso, made.sha256), made), _FORMAT)


def respin_last(plan: Respin, shape: str, work: Path, iso: Path, draft: Path) -> Respun | None:
    """Make the planned ISO from the last one; None, and nothing is written, where that is not to be had."""
    last = records.load(work / _KEPT, LastIso, _FORMAT)
    if last is None or last.shape != shape or stamps.unproven(iso.parent, {iso.name: last.stamp}):
        return None
    changed = changes(plan, last.made)
    if changed is None:
        return None
    copy_file(iso, draft, 0o644)
    return exchange(plan, last.made, changed, draft)
