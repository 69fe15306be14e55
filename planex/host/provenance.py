# SPDX-License-Identifier: LGPL-2.1-or-later
"""Where all that is on a host ISO comes from, for its manifest: RPMs, sources, patches, workspace, base, tools."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import planex
from planex.checksums import digest_of, read_checksums
from planex.distro.project import Project
from planex.distro.sources import local_files
from planex.errors import PlanexError
from planex.git.head import read_head
from planex.host.manifest import MadeFrom, ShippedRpm, UsedPatch, UsedSource
from planex.host.toolsused import tools_used
from planex.printable import without_passwords
from planex.rpm import repo
from planex.rpm.spec import Source
from planex.trust.repository import unsigned_digests


def shipped_rpms(project: Project, repository: Path, top: str) -> tuple[ShippedRpm, ...]:
    """The RPMs of a repository that goes to the folder ``top`` of the ISO."""
    unsigned = unsigned_digests(project.signed / "rpms")
    return tuple(
        ShippedRpm(
            nevra=rpm.nevra,
            path=f"{top}/{rpm.location}",
            sha256=rpm.sha256,
            unsigned=unsigned.get(rpm.sha256, rpm.sha256),
            source=rpm.source,
            licence=rpm.licence,
        )
        for rpm in repo.read_rpms(repository)
    )


def used_sources(project: Project) -> tuple[UsedSource, ...]:
    """Sources of all packages, fetched or of the workspace."""
    return tuple(source for name in sorted(project.built) for source in _sources(project, name))


def _sources(project: Project, name: str) -> Iterator[UsedSource]:
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
    return tuple(patch for name in sorted(project.built) for patch in _patches(project, name))


def _patches(project: Project, name: str) -> Iterator[UsedPatch]:
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


def made_from(project: Project, base_iso: str, work: Path) -> MadeFrom:
    """The workspace's commit, the base and the tools. ``base_iso``: SHA-256 of it."""
    base = {"base ISO": base_iso}
    base |= {"repository": repo.digest(project.base_repository)} if project.base_repository else {}
    tools: Mapping[str, str] = {"planex": planex.__version__, **tools_used(work)}
    return MadeFrom(*_commit(project.workspace.root), base, tools)


def _commit(root: Path) -> tuple[str, bool]:
    """The commit of a workspace, and whether it differs from that; no commit where it is in no git repository."""
    try:
        head = read_head(root)
    except PlanexError:
        return "", False
    return head.commit, bool(head.changes)
