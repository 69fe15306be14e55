# SPDX-License-Identifier: LGPL-2.1-or-later
"""What all snapshot commands share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from planex.cli.context import Context
from planex.snapshot.folder import LATEST, LATEST_GOOD, SnapshotFolder


def archive_of(context: Context) -> SnapshotFolder:
    """The snapshots of the chosen target."""
    return SnapshotFolder(context.workspace.snapshots(context.target_name))


def names_of(archive: SnapshotFolder) -> Mapping[str, Sequence[str]]:
    """Id to the links and channels that lead to it."""
    found: dict[str, list[str]] = {}
    for name in (LATEST, LATEST_GOOD, *archive.channel_names()):
        if ident := archive.linked(name):
            found.setdefault(str(ident), []).append(name)
    return found
