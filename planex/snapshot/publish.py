# SPDX-License-Identifier: LGPL-2.1-or-later
"""Publishes an archive of snapshots elsewhere: contents first, what leads to them last, deletions after that.

Whoever reads follows what leads: links, the front page, ``snapshots.json``. So readers have the old state whole until
the new one is, whenever the run that publishes is killed; the next one sends what is lacking.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Protocol

from planex.content import records
from planex.content.locks import WAITING, hold
from planex.errors import ConfigError, PlanexError
from planex.report import Task
from planex.snapshot.folder import LATEST, LATEST_GOOD, SnapshotFolder
from planex.snapshot.ident import parse_id
from planex.snapshot.record import NAME
from planex.units import many

INDEX, INDEX_FORMAT = "snapshots.json", 1
_POINTERS = ("feed.xml", "badge.svg", "nights.html", "nights.json", "index.json", "index.html")
"""Files of the site that lead to others."""
_OTHER = "name another place, or delete what is there and publish these instead: --replace"
_ROOT = frozenset({"site", "channels", LATEST, LATEST_GOOD, "promotions.jsonl", INDEX})


@dataclass(frozen=True, slots=True)
class PublishedIndex:
    """``snapshots.json``: what a published tree holds. ``links``: ``latest``, ``channels/NAME``, ... to ids.

    ``distro``: its name; empty in trees of before that was written down.
    """

    target: str
    snapshots: tuple[str, ...]
    links: dict[str, str]
    distro: str = ""


@dataclass(frozen=True, slots=True)
class PublishStage:
    """Files, by their paths below the archive. ``settled``: what is there under this name and size is the same.

    ``leading``: they lead to others, and are sent in this order.
    """

    name: str
    paths: tuple[str, ...]
    settled: bool = False
    leading: bool = False


@dataclass(frozen=True, slots=True)
class PublishCounts:
    """Of files: what is published, how many of them had to be sent, and how many others were deleted."""

    files: int
    sent: int
    deleted: int


class Outlet(Protocol):
    """Where an archive is published."""

    def names(self) -> list[str]:
        """What is there, at the top."""

    def read(self, path: str) -> bytes:
        """A small file that is there."""

    def send(self, root: Path, stage: PublishStage) -> int:
        """Have the files of a stage there; how many were lacking or other."""

    def prune(self, root: Path, wanted: frozenset[str]) -> int:
        """Delete there what is not wanted; how much that was."""


def publish(
    archive: SnapshotFolder, outlet: Outlet, distro: str, target: str, task: Task, *, replace: bool = False
) -> PublishCounts:
    """Have all snapshots, channels and pages at ``outlet``. ``archive`` must be held alone.

    ``replace``: also where another archive is, which is then gone.
    """
    if not (idents := [str(ident) for ident in archive.ids()]):
        raise PlanexError("there are no snapshots yet", "planex snapshot create")
    require_own(names := outlet.names())
    with hold(archive.site / ".lock", patience=WAITING):
        links = {name: str(ident) for name in _links(archive) if (ident := archive.linked(Path(name).name))}
        index = PublishedIndex(target, tuple(idents), links, distro)
        if not replace:
            _require_same(outlet, names, index)
        records.save(archive.root / INDEX, index, INDEX_FORMAT)
        stages = tuple(publish_stages(archive, idents, tuple(links)))
        sent = 0
        for stage in stages:
            task.phase(stage.name)
            sent += outlet.send(archive.root, stage)
        task.phase("deletions")
        wanted = frozenset(chain.from_iterable(stage.paths for stage in stages))
        return PublishCounts(len(wanted), sent, outlet.prune(archive.root, wanted))


def require_own(names: Iterable[str]) -> None:
    """Raise unless a place is empty, or holds an archive: what is not planex's is not written over, nor deleted."""
    found = sorted(names)
    strange = [name for name in found if name not in _ROOT and not parse_id(name) and not name.startswith(".planex-")]
    if not strange and found and INDEX not in found and not any(map(parse_id, found)):
        strange = found
    if strange:
        message = f"the place holds something else than snapshots: {', '.join(strange[:3])}"
        raise ConfigError(message, "name one that is new or empty")


def _require_same(outlet: Outlet, names: Sequence[str], own: PublishedIndex) -> None:
    """Raise unless what is there is of the same distro, target and archive: all else is deleted there."""
    there = {name for name in names if parse_id(name)}
    if INDEX in names:
        try:
            found = records.parse(outlet.read(INDEX), PublishedIndex, INDEX_FORMAT)
        except records.NewerFormat as error:
            raise ConfigError(f"{INDEX} there is of a newer planex: {error.message}", "use a newer planex") from None
        except records.Damaged as error:
            raise ConfigError(f"{INDEX} there is damaged: {error.message}", _OTHER) from None
        if (found.distro or own.distro, found.target) != (own.distro, own.target):
            message = f"the place holds the snapshots of {found.distro} {found.target}".replace("  ", " ")
            raise ConfigError(f"{message}, and these are of {own.distro} {own.target}", _OTHER)
        there |= set(found.snapshots)
    if there and there.isdisjoint(own.snapshots):
        message = (
            f"none of the {many(len(there), 'snapshot')} there is known here: is this another archive, or a new one?"
        )
        raise ConfigError(message, _OTHER)


def _links(archive: SnapshotFolder) -> list[str]:
    return [LATEST, LATEST_GOOD, *(f"channels/{name}" for name in archive.channel_names())]


def publish_stages(archive: SnapshotFolder, idents: Sequence[str], links: tuple[str, ...]) -> Iterator[PublishStage]:
    """All that is published, in the order in which readers may see it."""
    recorded = tuple(f"{ident}/{NAME}" for ident in idents if (archive.folder(ident) / NAME).is_file())
    inside = (path for ident in idents for path in _files(archive.root, ident))
    yield PublishStage("contents", tuple(path for path in inside if path not in set(recorded)), settled=True)
    yield PublishStage("records", recorded)
    pages = tuple(_files(archive.root, "site"))
    leading = tuple(path for name in _POINTERS if (path := f"site/{name}") in pages)
    yield PublishStage("pages", tuple(path for path in pages if path not in leading))
    journal = (archive.journal.name,) if archive.journal.exists() else ()
    yield PublishStage("pointers", (*journal, *links, *leading, INDEX), leading=True)


def _files(root: Path, folder: str) -> Iterator[str]:
    """Files below ``folder``, but for hidden ones, by their paths below ``root``."""
    for parent, folders, names in os.walk(root / folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        beside = os.path.relpath(parent, root)
        yield from (f"{beside}/{name}" for name in sorted(names) if not name.startswith("."))
