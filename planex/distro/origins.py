# SPDX-License-Identifier: LGPL-2.1-or-later
"""What packages are made of: every source and every patch, and where it comes from.

What a result was made of, its own inputs say: the workspace may have gone on since. What the workspace says of a file
besides counts where it has the same digest.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from planex.checksums import read_checksums
from planex.content.key import Inputs
from planex.content.store import Store
from planex.distro.project import Project
from planex.distro.sources import file_rows
from planex.errors import PlanexError
from planex.printable import without_passwords
from planex.rpm.spec import Source

_SHA512 = 128
"""Hexadecimal digits."""


@dataclass(frozen=True, slots=True)
class UsedSource:
    """A source of a package. ``url``: where it is fetched from, empty where that is not known any more; its name where
    it lies in the workspace."""

    package: str
    name: str
    url: str
    checksum: str
    """``SHA512:...`` or ``SHA256:...``."""


@dataclass(frozen=True, slots=True)
class UsedPatch:
    """A patch of a package, in the order in which they are applied. ``section``: of the series it stands in."""

    package: str
    name: str
    sha256: str
    subject: str
    author: str
    section: str
    upstream: str
    """``backport`` where the patch names the commits of upstream's that it was taken from, else ``unknown``."""
    commits: tuple[str, ...]


def made_of(project: Project) -> dict[str, Inputs]:
    """What the results in use were made of, by package; what the workspace has for one that has no result."""
    store = Store(project.folder / "store")
    results = {name: store.last(name) for name in sorted(project.built)}
    return {name: result.inputs if result else _made_now(project, name) for name, result in results.items()}


def _made_now(project: Project, name: str) -> Inputs:
    return Inputs.of(file_rows(project.recipe(name), project.package(name)))


def sources_of(project: Project, name: str, made: Inputs) -> Iterator[UsedSource]:
    """Of one package, in the order of its spec; then those that the spec does not name any more."""
    rows = _rows(made, "source", "file")
    own = {source.file_name for source in _of_kind(project, name, "patch") if not source.is_remote}
    lines = {source.file_name: source for kind in ("source", "patch") for source in _of_kind(project, name, kind)}
    fetched = _fetched(project, name)
    for file in [*lines, *(file for file in rows if file not in lines)]:
        kind, digest = rows.get(file, ("", ""))
        if kind and not (kind == "file" and file in own):
            checksum = f"{'SHA512' if len(digest) == _SHA512 else 'SHA256'}:{digest}" if digest else ""
            local = file in lines and not lines[file].is_remote
            url = (lines[file].url if local else file) if kind == "file" else fetched.get((file, digest), "")
            yield UsedSource(name, file, url, checksum)


def _rows(made: Inputs, *kinds: str) -> dict[str, tuple[str, str]]:
    """Name of a file to its kind and digest."""
    split = ((*label.partition(" ")[::2], digest) for label, digest in made.rows)
    return {file: (kind, digest) for kind, file, digest in split if kind in kinds}


def _fetched(project: Project, name: str) -> Mapping[tuple[str, str], str]:
    """Name and digest of what the workspace fetches now to its URL."""
    try:
        known = read_checksums(project.recipe(name).checksums)
    except PlanexError:  # whoever builds the package is told
        return {}
    remote = [source for source in project.package(name).sources if source.is_remote and source.file_name in known]
    return {(source.file_name, known[source.file_name].value): without_passwords(source.url) for source in remote}


def _of_kind(project: Project, name: str, kind: str) -> list[Source]:
    found = (source for source in project.package(name).sources if source.kind == kind)
    return sorted(found, key=lambda source: source.number)


def patches_of(project: Project, name: str, made: Inputs) -> Iterator[UsedPatch]:
    """Of one package, in the order in which they are applied: the spec's own, then the queue's; then those that are
    gone."""
    rows, queue = _rows(made, "patch", "file"), project.recipe(name).queue.patches
    names = {Path(patch.name).name for patch in queue}
    own = [source.file_name for source in _of_kind(project, name, "patch") if not source.is_remote]
    gone = [file for file, (kind, _) in rows.items() if kind == "patch" and file not in names]
    for file in own:
        if file in rows and file not in names and file not in gone:
            yield _bare(name, file, rows[file][1])
    for patch in queue:
        _, digest = rows.get(Path(patch.name).name, ("", ""))
        if digest == patch.sha256:
            header = patch.header
            status = "backport" if header.origins else "unknown"
            words = (patch.subject, header.author, patch.entry.section or "", status)
            yield UsedPatch(name, patch.name, digest, *words, header.origins)
        elif digest:
            yield _bare(name, patch.name, digest)
    yield from (_bare(name, file, rows[file][1]) for file in gone)


def _bare(package: str, name: str, digest: str) -> UsedPatch:
    return UsedPatch(package, name, digest, "", "", "", "unknown", ())
