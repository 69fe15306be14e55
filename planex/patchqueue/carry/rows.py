# SPDX-License-Identifier: LGPL-2.1-or-later
"""What became of a queue, as plain data: what forecasts and rebases write as JSON and read back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from planex.git.repository import Repository
from planex.patchqueue.carry.breaker import Breaker
from planex.patchqueue.carry.forecast import Matrix
from planex.patchqueue.carry.offers import Built, Offers, range_diff
from planex.patchqueue.carry.verdict import CHANGED, Fate, Verdict
from planex.patchqueue.commits.commits import Chain

FORMAT = 1


def patch_rows(repository: Repository, chain: Chain, verdicts: Sequence[Verdict], base: str) -> list[dict[str, Any]]:
    """A row for each patch of a finished rebase, as plain data; ``base`` is the commit of the new source."""
    rows = []
    parent = base
    for link, verdict in zip(chain.links, verdicts, strict=True):
        row = {**verdict.to_json(), "subject": link.patch.subject, "why": verdict.why}
        if verdict.status in CHANGED:
            spans = (f"{link.parent}..{link.commit}", f"{parent}..{verdict.commit}")
            row["range_diff"] = range_diff(repository, *spans)
        rows.append(row)
        parent = verdict.commit
    return rows


def forecast_rows(
    matrix: Matrix, package: str, breakers: Mapping[str, Breaker], offers: Offers | None = None
) -> dict[str, Any]:
    """A forecast as plain data; ``versions`` holds, for each version, a row per patch."""
    return {
        "format": FORMAT,
        "package": package,
        "from": matrix.old.label,
        "versions": {
            column.version.label: {
                verdict.patch: _row(verdict, column.version.label, offers or {}) for verdict in column.verdicts
            }
            for column in matrix.columns
        },
        "first_bad": matrix.first_bad,
        "broken_by": {patch: asdict(breaker) for patch, breaker in breakers.items()},
    }


def _row(verdict: Verdict, label: str, offers: Offers) -> dict[str, Any]:
    row = {key: value for key, value in verdict.to_json().items() if key not in ("patch", "commit", "tree")}
    row["why"] = verdict.why
    if verdict.status is Fate.PROPOSAL:
        found = offers.get((label, verdict.patch))
        row |= asdict(found) if found else {"built": Built.NOT}
    return row
