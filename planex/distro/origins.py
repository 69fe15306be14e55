# SPDX-License-Identifier: LGPL-2.1-or-later
"""What packages are made of: every source and every patch, and where it comes from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from planex.checksums import digest_of, read_checksums
from planex.distro.project import Project
from planex.distro.sources import local_files
from planex.printable import without_passwords
from planex.rpm.spec import Source


@dataclass(frozen=True, slots=True)
class UsedSource:
    """A source of a package. ``url``: where it is fetched from; its name where it lies in the workspace."""

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


def used_sources(project: Project) -> tuple[UsedSource, ...]:
    """Sources of all packages, fetched or of the workspace."""
    return tuple(source for name in sorted(project.built) for source in sources_of(project, name))


def sources_of(project: Project, name: str) -> Iterator[UsedSource]:
    """Of one package, in order."""
    recipe, package = project.recipe(name), project.package(name)
    checksums, files = read_checksums(recipe.checksums), local_files(recipe, package)
    for source in sorted(_of_kind(project, name, "source"), key=lambda source: source.number):
        if source.is_remote:
            known = checksums.get(source.file_name)
            checksum = f"{known.algorithm}:{known.value}" if known else ""
            yield UsedSource(name, source.file_name, without_passwords(source.url), checksum)
        else:
            checksum = f"SHA256:{digest_of(files[source.file_name], 'SHA256')}"
            yield UsedSource(name, source.file_name, source.url, checksum)


def _of_kind(project: Project, name: str, kind: str) -> list[Source]:
    return [source for source in project.package(name).sources if source.kind == kind]


def used_patches(project: Project) -> tuple[UsedPatch, ...]:
    """Patches of all packages: those of the spec's own, then the queue's."""
    return tuple(patch for name in sorted(project.built) for patch in patches_of(project, name))


def patches_of(project: Project, name: str) -> Iterator[UsedPatch]:
    """Of one package, in the order in which they are applied."""
    recipe = project.recipe(name)
    queue = {Path(patch.name).name for patch in recipe.queue.patches}
    files = local_files(recipe, project.package(name))
    for source in sorted(_of_kind(project, name, "patch"), key=lambda source: source.number):
        if source.file_name in files and source.file_name not in queue:
            digest = digest_of(files[source.file_name], "SHA256")
            yield UsedPatch(name, source.file_name, digest, "", "", "", "unknown", ())
    for patch in recipe.queue.patches:
        header = patch.header
        status = "backport" if header.origins else "unknown"
        words = (patch.subject, header.author, patch.entry.section or "", status)
        yield UsedPatch(name, patch.name, patch.sha256, *words, header.origins)
