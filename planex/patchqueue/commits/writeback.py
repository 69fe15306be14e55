# SPDX-License-Identifier: LGPL-2.1-or-later
"""Writes a queue's folder: first patches, then the series, then takes away patches that are no longer in it.

So the series never names a missing file, and the whole can be done again after an interruption.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import Base64Bytes

from planex.drafts import write_atomic
from planex.patchqueue.commits.export import Change, Exported
from planex.patchqueue.format.queue import SERIES, PatchQueue
from planex.patchqueue.format.reorder import rewrite
from planex.patchqueue.format.series import Series


@dataclass(frozen=True, slots=True)
class Writes:
    """Files to write, by their path below a root, and files to delete. Order counts."""

    files: Mapping[str, Base64Bytes] = field(default_factory=dict)
    deletions: tuple[str, ...] = ()


def queue_writes(queue: PatchQueue, worked_on: Sequence[str], exported: Sequence[Exported]) -> Writes:
    """What it takes to make the queue hold ``exported`` where it held the patches ``worked_on``."""
    series = rewrite(queue.series, worked_on, [item.entry for item in exported])
    return writes_for(
        queue, series, {item.entry.name: item.data for item in exported if item.change is not Change.SAME}
    )


def writes_for(queue: PatchQueue, series: Series, patches: Mapping[str, bytes]) -> Writes:
    """As queue_writes, from the new series and the new or changed patches."""
    files = dict(patches)
    if series.text() != queue.series.text():
        files[SERIES] = series.text().encode("utf-8", "surrogateescape")
    named = {entry.name for entry in series.entries}
    gone = tuple(entry.name for entry in queue.series.entries if entry.name not in named)
    return Writes(files, gone)


def carry_out(root: Path, writes: Writes) -> None:
    """Write and delete below ``root``."""
    for name, data in writes.files.items():
        path = root / name
        if not path.is_file() or path.read_bytes() != data:
            write_atomic(path, data)
    for name in writes.deletions:
        (root / name).unlink(missing_ok=True)


def removed(worked_on: Collection[str], exported: Sequence[Exported]) -> list[str]:
    """Patches that no commit stands for any more."""
    names = {item.entry.name for item in exported}
    return [name for name in worked_on if name not in names]
