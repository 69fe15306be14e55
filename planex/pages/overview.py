# SPDX-License-Identifier: LGPL-2.1-or-later
"""What is in a queue and where it comes from: a queue is a debt, so it is shown. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from planex.pages.table import WIDTH, broken, folded
from planex.patchqueue.format.queue import Patch, PatchQueue
from planex.printable import short
from planex.units import many

MAX_CELL = 200
"""Characters of a text that are shown."""

_INDENT = 5
"""Columns of a patch's number."""
_SECONDS_PER_DAY = 86400
_SAYS_UPSTREAM = re.compile(rb"(?im)^(?:applied-upstream:|forwarded: *(?!no|not-needed)\S)")


class OriginKind(StrEnum):
    """Where a patch comes from; totals count these words."""

    OWN = "own"
    BACKPORT = "backport"
    SENT = "sent"
    UPSTREAMED = "upstreamed"


@dataclass(frozen=True, slots=True)
class PatchOrigin:
    """Where a patch comes from, as a value and in words."""

    kind: OriginKind
    text: str


@dataclass(frozen=True, slots=True)
class OverviewRow:
    """One patch. ``age``: days since its date, None if it has none."""

    number: int
    name: str
    applied: bool
    guards: tuple[str, ...]
    subject: str
    author: str
    date: str | None
    age: int | None
    files: int
    added: int
    removed: int
    origin: PatchOrigin
    section: str


def overview(queue: PatchQueue, now: datetime, upstreamed: Mapping[str, str] | None = None) -> list[OverviewRow]:
    """A row per patch of the series, guarded ones included. ``upstreamed``: patch to version, from a forecast."""
    applied = {patch.name for patch in queue.applied}
    patches = {patch.name: patch for patch in (*queue.applied, *queue.skipped)}
    return [
        _row(number, patches[entry.name], entry.name in applied, now, (upstreamed or {}).get(entry.name))
        for number, entry in enumerate(queue.series.entries, 1)
    ]


def _row(number: int, patch: Patch, applied: bool, now: datetime, version: str | None) -> OverviewRow:
    moment = patch.header.when
    return OverviewRow(
        number,
        patch.name,
        applied,
        patch.entry.guards,
        patch.subject,
        patch.header.author,
        moment.date().isoformat() if moment else None,
        max(int((now - moment).total_seconds()) // _SECONDS_PER_DAY, 0) if moment else None,
        len(patch.diff.files),
        patch.diff.added,
        patch.diff.removed,
        origin_of(patch, version),
        patch.entry.section,
    )


def origin_of(patch: Patch, version: str | None = None) -> PatchOrigin:
    """``upstreamed in V`` (by the last forecast), ``backport of SHA``, ``sent upstream`` (says the header), ``own``."""
    if version:
        return PatchOrigin(OriginKind.UPSTREAMED, f"upstreamed in {version}")
    if patch.header.origins:
        return PatchOrigin(OriginKind.BACKPORT, f"backport of {patch.header.origins[0][:12]}")
    if _SAYS_UPSTREAM.search(patch.data[: patch.diff_start]):
        return PatchOrigin(OriginKind.SENT, "sent upstream")
    return PatchOrigin(OriginKind.OWN, "own")


def overview_json(rows: Iterable[OverviewRow]) -> list[dict[str, Any]]:
    """Rows as plain data."""
    return [asdict(row) | {"guards": list(row.guards), "origin": row.origin.text} for row in rows]


def overview_text(rows: list[OverviewRow], width: int = WIDTH) -> str:
    """Rows for people, under their sections, with totals."""
    lines: list[str] = []
    section = ""
    for row, text in zip(rows, folded([_cells(row) for row in rows], width, _INDENT), strict=True):
        if row.section != section:
            section = row.section
            lines += [f"# {line}" for line in broken(short(section, MAX_CELL), width - 2)]
        lines.append(text)
    return "\n".join([*lines, "", *broken(totals(rows), width)])


def _cells(row: OverviewRow) -> tuple[str, ...]:
    age = "" if row.age is None else f"{row.age} d" if row.age < 730 else f"{row.age // 365} y"
    size = f"{row.files}f +{row.added} -{row.removed}"
    guards = " ".join(f"#{guard}" for guard in row.guards)
    state = "" if row.applied else "not applied"
    texts = (short(author_of(row.author), MAX_CELL), short(row.subject, MAX_CELL))
    return (f"{row.number:>3}", row.name, guards, state, age, size, row.origin.text, *texts)


def author_of(author: str) -> str:
    """The name without the address."""
    return author.split("<")[0].strip(' "') or author or "-"


def totals(rows: list[OverviewRow]) -> str:
    """One line: how many, how large, how old."""
    ages = sorted(row.age for row in rows if row.age is not None)
    added, removed = sum(row.added for row in rows), sum(row.removed for row in rows)
    kinds = Counter(row.origin.kind for row in rows)
    parts = [
        f"{many(len(rows), 'patch', 'patches')}, {sum(row.applied for row in rows)} applied",
        f"+{added} -{removed} lines",
    ]
    parts.append(", ".join(f"{kinds[kind]} {kind}" for kind in OriginKind if kinds[kind]) or "none")
    parts += [f"median age {ages[len(ages) // 2]} d, oldest {ages[-1]} d"] if ages else []
    return "; ".join(parts)
