# SPDX-License-Identifier: LGPL-2.1-or-later
"""Proves that machines which use a snapshot get to another one by ``dnf upgrade``."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from planex.content import shelf
from planex.distro.project import Project, require_base
from planex.errors import PlanexError
from planex.report import Task
from planex.rpm.dnf import DNF_CACHE, Repositories
from planex.rpm.nevra import package_of
from planex.rpm.repo import read_rpms
from planex.rpm.upgrade import try_upgrade
from planex.snapshot.diff import RpmChanges, compare_rpms
from planex.snapshot.folder import SnapshotFolder
from planex.snapshot.record import PublishedRpm, Snapshot, UpgradeProof

REPO = "repo"
"""The folder of a snapshot with its repository."""
LOGS = "upgrade"
"""Among the logs of packages."""


@dataclass(frozen=True, slots=True)
class PublishedRepository:
    """A repository and what is in it."""

    folder: Path
    rpms: tuple[PublishedRpm, ...]


def repository_of(archive: SnapshotFolder, snapshot: Snapshot) -> PublishedRepository:
    """Of a snapshot. PlanexError where it has none."""
    if not snapshot.rpms:
        raise PlanexError(f"{snapshot.id} has no repository", "planex snapshot list names the good ones")
    return PublishedRepository(archive.folder(snapshot.id) / REPO, snapshot.rpms)


def built_repository(project: Project) -> PublishedRepository:
    """What is built now. PlanexError where nothing is."""
    if not project.repository.exists():
        raise PlanexError("nothing is built yet", "planex build")
    folder = project.repository.resolve()
    return PublishedRepository(folder, tuple(published(folder)))


def published(folder: Path) -> Iterator[PublishedRpm]:
    """The RPMs of a repository."""
    for rpm in read_rpms(folder):
        yield PublishedRpm(rpm.name, rpm.evr, rpm.sha256, rpm.size, rpm.location, package_of(rpm.source))


def prove_upgrade(
    project: Project, start: Snapshot, old: PublishedRepository, new: PublishedRepository, task: Task
) -> UpgradeProof:
    """Upgrade a root with all RPMs of ``old``, which is the snapshot's, to ``new``, by dnf in cages."""
    began = time.monotonic()
    changes = compare_rpms(old.rpms, new.rpms)
    if changes == RpmChanges():
        return UpgradeProof(start.id, ())
    task.phase(f"dnf upgrade from {start.id}")
    require_base(project)
    log = project.workspace.logs(project.target_name, LOGS) / f"{start.id}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    log.unlink(missing_ok=True)
    faults, upgraded, removed = list(stays_behind(changes)), tuple[str, ...](), tuple[str, ...]()
    with shelf.draft(project.buildroots / "upgrade") as draft:
        names = [rpm.name for rpm in old.rpms]
        try:
            done = try_upgrade(_base(project), names, old.folder, new.folder, draft, log)
        except PlanexError as error:
            faults.append(error.message)
        else:
            faults += [*done.complaints, *done.left]
            upgraded, removed = done.upgraded, done.removed
    return UpgradeProof(start.id, tuple(faults), upgraded, removed, round(time.monotonic() - began, 1))


def stays_behind(changes: RpmChanges) -> Iterable[str]:
    """What an upgrade would not bring, in words."""
    for name, old, new in changes.lowered:
        yield f"{name} would go down from {old} to {new}"
    for name, evr in changes.silent:
        yield f"{name}-{evr} has other contents under the same version: an upgrade would leave it"


def _base(project: Project) -> Repositories:
    config = project.mock_config
    cache = project.buildroots / DNF_CACHE
    return Repositories(config.dnf_conf, cache, releasever=config.releasever, database=config.database)
