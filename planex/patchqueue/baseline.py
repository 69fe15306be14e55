# SPDX-License-Identifier: LGPL-2.1-or-later
"""Saved forecasts: what a nightly job compares with, and what ``status`` tells of."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from planex.errors import ConfigError, Problem
from planex.patchqueue.forecast import Matrix, Version, version_from_json
from planex.patchqueue.report import FORMAT
from planex.patchqueue.verdict import TROUBLE, Status
from planex.workspace import write_atomic

_LAST = "forecast.json"


def load_baseline(path: Path) -> dict[str, dict[str, str]]:
    """Version to patch to status, from a file that ``forecast --save`` or ``--json`` wrote."""
    try:
        data = json.loads(path.read_text())
        if data["format"] != FORMAT:
            raise ConfigError([Problem(path, 0, f"is of format {data['format']}, not {FORMAT}")])
        return {
            label: {patch: row["status"] for patch, row in column.items()} for label, column in data["versions"].items()
        }
    except FileNotFoundError:
        raise ConfigError([Problem(path, 0, "file not found")], "save a forecast first: --save FILE") from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ConfigError([Problem(path, 0, f"is no saved forecast: {error!r}")]) from None


def new_troubles(now: Matrix, before: Mapping[str, Mapping[str, str]]) -> list[tuple[str, str, Status]]:
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
    versions = [column.version.to_json() for column in matrix.columns]
    text = json.dumps({**data, "sources": versions})
    write_atomic(home / _LAST, text)
    return text


def versions_before(home: Path, old: str, new: str) -> list[Version]:
    """The versions that the last forecast from ``old`` looked at before ``new``, so that a rebase goes the same way."""
    path = home / _LAST
    data = json.loads(path.read_text()) if path.exists() else {}
    found = [version_from_json(row) for row in data.get("sources", ())]
    labels = [version.label for version in found]
    if data.get("from") != old or new not in labels:
        return []
    return [version for version in found[: labels.index(new)] if version.source.exists()]


def upstreamed_in(home: Path) -> dict[str, str]:
    """Patch to the first version that the last forecast found it in."""
    path = home / _LAST
    if not path.exists():
        return {}
    found: dict[str, str] = {}
    for label, column in json.loads(path.read_text())["versions"].items():
        for patch, row in column.items():
            if row["status"] == Status.UPSTREAMED:
                found.setdefault(patch, label)
    return found
