# SPDX-License-Identifier: LGPL-2.1-or-later
"""The %changelog of an RPM, newest entry first, from its header. Plain Python, within bounds, as ``rpmfile``."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import BinaryIO

from planex.rpm.rpmfile import BadRpm, read_main_header

_TIMES, _NAMES, _TEXTS = 1080, 1081, 1082


@dataclass(frozen=True, slots=True)
class ChangelogEntry:
    """``date``: as 2026-11-28; ``author``: with the version behind it, as it is written."""

    date: str
    author: str
    text: str


def read_changelog(file: BinaryIO) -> tuple[ChangelogEntry, ...]:
    """Raises BadRpm."""
    header = read_main_header(file)
    times, names, texts = header.numbers(_TIMES), header.texts(_NAMES), header.texts(_TEXTS)
    if not len(times) == len(names) == len(texts):
        raise BadRpm("its lists of changes do not fit together")
    rows = zip(times, names, texts, strict=True)
    return tuple(ChangelogEntry(f"{datetime.fromtimestamp(each, UTC):%Y-%m-%d}", *rest) for each, *rest in rows)
