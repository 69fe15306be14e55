# SPDX-License-Identifier: LGPL-2.1-or-later
"""All that an archive of snapshots holds, read at once: for pages over many nights."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from planex.checksums import digest_of, digest_of_text
from planex.errors import PlanexError
from planex.snapshot.channels import Promotion, promotions
from planex.snapshot.folder import SnapshotFolder
from planex.snapshot.record import NAME, Snapshot


@dataclass(frozen=True, slots=True)
class Night:
    """A snapshot's folder. ``files``: paths in it; ``fault``: why its record cannot be read; ``made_from``: a digest of
    all of that, where it was read from a disk."""

    ident: str
    snapshot: Snapshot | None
    files: frozenset[str] = frozenset()
    fault: str = ""
    made_from: str = ""


@dataclass(frozen=True, slots=True)
class ChannelLead:
    """A channel and the id that it leads to; ``promotion``: the one that led it there, where it was written down."""

    name: str
    ident: str
    promotion: Promotion | None = None


@dataclass(frozen=True)
class Nights:
    """``nights`` from the oldest to the newest; ``title``: the distro's name."""

    title: str
    target: str
    nights: tuple[Night, ...]
    channels: tuple[ChannelLead, ...] = ()

    @cached_property
    def readable(self) -> tuple[Snapshot, ...]:
        """What is known of the nights, from the oldest to the newest."""
        return tuple(night.snapshot for night in self.nights if night.snapshot)

    @cached_property
    def damaged(self) -> tuple[Night, ...]:
        return tuple(night for night in self.nights if not night.snapshot)


def read_nights(archive: SnapshotFolder, title: str, target: str) -> Nights:
    """Read every snapshot; one that is deleted meanwhile is not there."""
    nights = (_night(archive, str(ident)) for ident in archive.ids())
    there = tuple(night for night in nights if archive.folder(night.ident).is_dir())
    return Nights(title, target, there, tuple(_leads(archive)))


def _night(archive: SnapshotFolder, ident: str) -> Night:
    folder = archive.folder(ident)
    files = frozenset(_files(folder))
    record = digest_of(folder / NAME, "sha256") if (folder / NAME).is_file() else ""
    made_from = digest_of_text("\n".join([ident, record, *sorted(files)]))
    try:
        snapshot = archive.load(ident)
    except PlanexError as error:
        fault = error.message.removeprefix(f"{folder / NAME} is damaged: ").replace(str(folder / NAME), NAME)
        return Night(ident, None, files, fault, made_from)
    if snapshot.id != ident:
        return Night(ident, None, files, f"it is the record of {snapshot.id}", made_from)
    return Night(ident, snapshot, files, "", made_from)


def _files(folder: Path) -> Iterator[str]:
    for parent, _, names in os.walk(folder):
        beside = os.path.relpath(parent, folder)
        yield from (name if beside == "." else f"{beside}/{name}" for name in names)


def _leads(archive: SnapshotFolder) -> Iterator[ChannelLead]:
    last = {promotion.channel: promotion for promotion in promotions(archive)}
    for name in archive.channel_names():
        ident = str(archive.linked(name) or "")
        told = last.get(name)
        yield ChannelLead(name, ident, told if told and told.now == ident else None)
