# SPDX-License-Identifier: LGPL-2.1-or-later
"""Saved forecasts: what a nightly job compares with, and what ``status`` tells of."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from planex.content import records
from planex.drafts import write_atomic
from planex.errors import ConfigError, Problem
from planex.patchqueue.carry.forecast import Matrix, Version
from planex.patchqueue.carry.rows import FORMAT
from planex.patchqueue.carry.verdict import TROUBLE, Fate
from planex.regular import NotRegular, read_regular

_LAST = "forecast.json"


@dataclass(frozen=True, slots=True)
class SavedRow:
    """Of a patch's row in a saved forecast, what is read back."""

    status: str


@dataclass(frozen=True, slots=True)
class Saved:
    """Of a saved forecast, what is read back: version to patch to row."""

    versions: Mapping[str, Mapping[str, SavedRow]]


@dataclass(frozen=True, slots=True)
class Last(Saved):
    """The last forecast of a package: the version it began at, and those it looked at."""

    old: Annotated[str, Field(validation_alias="from")]
    sources: tuple[Version, ...]


def load_baseline(path: Path) -> dict[str, dict[str, str]]:
    """Version to patch to status, from a file that ``forecast --save`` or ``--json`` wrote."""
    hint = "save a forecast first: --save FILE"
    try:
        saved = records.parse(read_regular(path, records.LIMIT), Saved, FORMAT)
    except NotRegular as error:
        raise ConfigError(error.message, hint) from None
    except records.Damaged as error:
        raise ConfigError([Problem(path, 0, f"is no saved forecast: {error.message}")], hint) from None
    return {label: {patch: row.status for patch, row in column.items()} for label, column in saved.versions.items()}


def new_troubles(now: Matrix, before: Mapping[str, Mapping[str, str]]) -> list[tuple[str, str, Fate]]:
    """Patch, version and status of each trouble that a saved forecast did not have."""
    bad = {str(status) for status in TROUBLE}
    return [
        (verdict.patch, column.version.label, verdict.status)
        for column in now.columns
        for verdict in column.troubles
        if before.get(column.version.label, {}).get(verdict.patch) not in bad
    ]


def remember(home: Path, data: Mapping[str, Any], matrix: Matrix) -> str:
    """Keep the last forecast of a package, for ``status`` and for a rebase that follows; returns what is kept."""
    versions = [{**asdict(column.version), "source": str(column.version.source)} for column in matrix.columns]
    text = json.dumps({**data, "sources": versions})
    write_atomic(home / _LAST, text)
    return text


def versions_before(home: Path, old: str, new: str) -> list[Version]:
    """The versions that the last forecast from ``old`` looked at before ``new``, so that a rebase goes the same way."""
    last = records.load(home / _LAST, Last, FORMAT)
    found = last.sources if last else ()
    labels = [version.label for version in found]
    if last is None or last.old != old or new not in labels:
        return []
    return [version for version in found[: labels.index(new)] if version.source.exists()]


def upstreamed_in(home: Path) -> dict[str, str]:
    """Patch to the first version that the last forecast found it in."""
    last = records.load(home / _LAST, Last, FORMAT)
    found: dict[str, str] = {}
    for label, column in (last.versions if last else {}).items():
        for patch, row in column.items():
            if row.status == Fate.UPSTREAMED:
                found.setdefault(patch, label)
    return found
