# SPDX-License-Identifier: LGPL-2.1-or-later
"""What is kept of the ISO that was made last, from which the next is made where only a few of its files are others."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from planex.content import records, stamps
from planex.content.stamps import Stamp
from planex.medium.respin import Respun

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


def find_last(work: Path, iso: Path) -> LastIso | None:
    """What was kept, if the ISO is still as planex left it."""
    last = records.load(work / _KEPT, LastIso, _FORMAT)
    return None if last is None or stamps.unproven(iso.parent, {iso.name: last.stamp}) else last
