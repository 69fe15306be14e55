# SPDX-License-Identifier: LGPL-2.1-or-later
"""The index of a remote base: what its mirrors offer, read by dnf and kept until their metadata change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from planex.content import records
from planex.errors import PlanexError
from planex.rpm.dnf import Metadata, Repositories, read_metadata
from planex.rpm.index import Index, from_rows

_FORMAT = 1


@dataclass(frozen=True, slots=True)
class RemoteBase:
    """``setup``: names of the packages that every buildroot starts with, groups resolved."""

    index: Index
    setup: tuple[str, ...]
    digest: str
    """Of the metadata."""
    stale: str = ""
    """Why this is what there was last, and not what there is now."""


def read_remote(repositories: Repositories, setup: Sequence[str], kept: Path) -> RemoteBase:
    """What there is now, else what there was last. PlanexError where that is not known either.

    ``kept``: the file that keeps it.
    """
    before = _recall(kept)
    if repositories.offline and before:
        return _base(before)
    try:
        found = read_metadata(repositories, setup, before.digest if before else "")
    except PlanexError as error:
        if before is None:
            raise
        return _base(before, error.message)
    if found.packages is None:
        return _base(replace(found, packages=before.packages if before else []))
    records.save(kept, found, _FORMAT)
    return _base(found)


def _base(metadata: Metadata, stale: str = "") -> RemoteBase:
    return RemoteBase(
        Index(from_rows(metadata.packages or []), latest_only=True), metadata.setup, metadata.digest, stale
    )


def _recall(kept: Path) -> Metadata | None:
    found = records.load(kept, Metadata, _FORMAT)
    try:
        from_rows(found.packages or [] if found else [])
    except (TypeError, ValueError):
        return None
    return found if found and found.packages else None
