# SPDX-License-Identifier: LGPL-2.1-or-later
"""The index of a remote base: what its mirrors offer, read by dnf and kept until their metadata change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from planex.content import records
from planex.rpm.dnf import Metadata, Repositories, read_metadata
from planex.rpm.index import Index, from_rows

_FORMAT = 1


@dataclass(frozen=True, slots=True)
class RemoteBase:
    """``setup``: names of the packages that every buildroot starts with, groups resolved."""

    index: Index
    setup: tuple[str, ...]


def read_remote(repositories: Repositories, setup: Sequence[str], kept: Path, *, offline: bool = False) -> RemoteBase:
    """What there is now. ``kept``: the file that keeps it. PlanexError where the mirrors cannot be asked."""
    before = _recall(kept)
    found = read_metadata(repositories, setup, before.digest if before else "", offline=offline)
    if found.packages is not None:
        records.save(kept, found, _FORMAT)
    rows = found.packages if found.packages is not None or before is None else before.packages
    return RemoteBase(Index(from_rows(rows or [])), found.setup)


def _recall(kept: Path) -> Metadata | None:
    found = records.load(kept, Metadata, _FORMAT)
    try:
        from_rows(found.packages or [] if found else [])
    except (TypeError, ValueError):
        return None
    return found if found and found.packages else None
