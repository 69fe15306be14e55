# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a build needs from outside, by digest and place: the lock; and a mirror, a folder with exactly that.

A mirror is complete once its lock is in it. Whoever builds from one takes each file only if its digest is right.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from planex.checksums import Checksum
from planex.content import records, shelf
from planex.content.copies import copy_file
from planex.content.locks import WAITING, hold
from planex.disk import naming
from planex.distro.project import Project
from planex.distro.sources import remote_sources
from planex.drafts import write_atomic
from planex.errors import ConfigError, PlanexError
from planex.printable import HIDDEN, without_passwords
from planex.report import Task
from planex.sources.fetch import RemoteSource, cached_path, fetch
from planex.workspace import Workspace

NAME = "planex.lock"
FORMAT = 1
SOURCE, DEB, BASE_ISO = "source", "deb", "base-iso"
_FILES, _ALONE = "files", ".planex-mirror"
_CHECKSUM = re.compile(r"SHA512 [0-9a-f]{128}|SHA256 [0-9a-f]{64}")
_NAMED = 16
_AGAIN = "make the mirror again: planex fetch --all --into DIR"


@dataclass(frozen=True, slots=True)
class LockedFile:
    """A file from outside. ``kind``: source, deb or base-iso; ``of``: the package; ``places``: to try in order."""

    kind: str
    of: str
    name: str
    checksum: Checksum
    places: tuple[str, ...]

    @property
    def kept(self) -> str:
        """Its name in a mirror."""
        return f"{self.checksum.value[:_NAMED]}-{self.name}"


@dataclass(frozen=True, slots=True)
class BuildLock:
    """All that a target needs. ``base``: what the archive of an embedded base answered (``planex.base.archive``).

    ``remote``: packages of a remote base that buildroots had, with versions and digests; no file is named for these.
    """

    target: str
    commit: str
    files: tuple[LockedFile, ...]
    base: Mapping[str, Any]
    remote: tuple[tuple[str, str], ...] = ()


def source_files(project: Project) -> Iterator[LockedFile]:
    """Sources of all packages, and the base ISO where it comes by URL. A lock is published: no place has a password."""
    for item in _with_passwords(project):
        yield replace(item, places=tuple(map(without_passwords, item.places)))


def _with_passwords(project: Project) -> Iterator[LockedFile]:
    for name in sorted(project.built):
        for source in remote_sources(project.recipes[name], project.packages[name]):
            yield LockedFile(SOURCE, name, source.name, source.checksum, source.urls)
    if iso := project.target.base_iso:
        yield LockedFile(BASE_ISO, project.target.base, iso.file_name, Checksum("SHA256", iso.sha256), (iso.url,))


def read_lock(path: Path) -> BuildLock:
    """A lock. PlanexError where there is none that can be used."""
    lock = records.require(path, BuildLock, FORMAT, "planex lock writes one; a mirror has it once it is complete")
    if strange := [item.name for item in lock.files if not _is_plain(item)]:
        raise PlanexError(f"{path} is damaged: it names what is no file: {strange[0]!r}", "planex lock")
    return lock


def _is_plain(item: LockedFile) -> bool:
    """Names and digests become paths."""
    named = "/" not in item.name and "\0" not in item.name and item.name not in ("", ".", "..")
    return named and _CHECKSUM.fullmatch(f"{item.checksum.algorithm} {item.checksum.value}") is not None


def make_mirror(project: Project, lock: BuildLock, debs: Path, folder: Path, task: Task) -> int:
    """Have exactly the files of a lock in ``folder``, from the caches of the workspace where they have them."""
    if not lock.base:
        message = f"the base '{project.target.base}' is on mirrors of its own, of which planex makes no copy"
        raise ConfigError(message, "mirror its repositories (dnf reposync), and name that place in repos/")
    with naming(folder, "write"):
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()) and not (folder / _ALONE).exists():
            raise ConfigError(f"{folder} is not empty, and no mirror of planex", "name a folder that is new or empty")
    with hold(folder / _ALONE, patience=WAITING):
        (folder / _FILES).mkdir(exist_ok=True)
        shelf.sweep([folder / _FILES])
        shelf.remove(folder / NAME)  # not complete until the end
        for number, item in enumerate(lock.files, 1):
            place = folder / _FILES / item.kept
            if not (place.exists() and item.checksum.matches(place)):
                shelf.remove(place)
                _copy(_found(project, item, debs, task), place, item)
            task.progress(number, len(lock.files))
        wanted = {item.kept for item in lock.files}
        shelf.prune((path for path in (folder / _FILES).iterdir() if path.name not in wanted), 0)
        write_atomic(folder / NAME, records.text(lock, FORMAT))
    return len(lock.files)


def _found(project: Project, item: LockedFile, debs: Path, task: Task) -> Path:
    """The file on this machine, fetched if need be."""
    path = _place(project.workspace, item, debs)
    if path.is_file() and item.checksum.matches(path):
        return path
    source = RemoteSource(item.of, item.name, _places(project, item), item.checksum)
    return fetch(project.workspace, source, task, limits=project.config.downloads)


def _places(project: Project, item: LockedFile) -> tuple[str, ...]:
    """Those of the lock, with the passwords that only the workspace has."""
    if not any(HIDDEN in place for place in item.places):
        return item.places
    real = {without_passwords(place): place for each in _with_passwords(project) for place in each.places}
    return tuple(real.get(place, place) for place in item.places)


def require_locked(project: Project, lock: BuildLock) -> None:
    """PlanexError where the workspace needs what its lock does not have."""
    if lock.target != project.target_name:
        raise ConfigError(f"the lock is of target '{lock.target}'", f"planex --target {lock.target} build")
    known = {item.checksum for item in lock.files}
    if lacking := [item for item in source_files(project) if item.checksum not in known]:
        names = ", ".join(f"{item.name} ({item.of})" for item in lacking)
        raise PlanexError(f"the lock has not what this workspace needs: {names}", _AGAIN)


def take_files(workspace: Workspace, lock: BuildLock, mirror: Path, debs: Path) -> None:
    """Put what a mirror has where a build looks for it. PlanexError for a file that is not what the lock says."""
    for item in lock.files:
        place = _place(workspace, item, debs)
        if not (place.is_file() and item.checksum.matches(place)):
            shelf.remove(place)
            _copy(mirror / _FILES / item.kept, place, item)


def _place(workspace: Workspace, item: LockedFile, debs: Path) -> Path:
    """Where a build looks for a file."""
    if item.kind == DEB:
        return debs / item.name
    if item.kind == BASE_ISO:
        return workspace.downloads / f"{item.checksum.value}.iso"
    return cached_path(workspace, item.checksum)


def _copy(source: Path, place: Path, item: LockedFile) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    with shelf.draft(place) as draft:
        try:
            copy_file(source, draft / item.name)
        except FileNotFoundError:
            raise PlanexError(f"{source} is not there", _AGAIN) from None
        if not item.checksum.matches(draft / item.name):
            raise PlanexError(
                f"{source} is damaged: its {item.checksum.algorithm} is not {item.checksum.value}", _AGAIN
            )
        shelf.publish(draft / item.name, place)


def without_doubles(files: Iterable[LockedFile]) -> tuple[LockedFile, ...]:
    """One for each that would be kept under the same name, sorted by it."""
    return tuple(sorted({item.kept: item for item in files}.values(), key=lambda item: (item.kind, item.of, item.name)))
