# SPDX-License-Identifier: LGPL-2.1-or-later
"""After a build: the repository is composed and proved to be closed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from planex.content import shelf
from planex.content.store import Result
from planex.distro.project import Project
from planex.drafts import temporary_folder, write_atomic
from planex.engine.workshop import Workshop
from planex.errors import PlanexError
from planex.report import Reporter
from planex.rpm import repo
from planex.workspace import behind


def compose(workshop: Workshop, reporter: Reporter) -> bool:
    """Make the repository hold what is current of every package; True if it changed."""
    project = workshop.project
    if project.repository.is_symlink() and (fault := repo.fault(behind(project.repository))):
        reporter.warn(f"the repository is composed anew: {fault}")
    found = {name: workshop.store.current(name) for name in project.built}
    results = {name: result for name, result in found.items() if result}
    rpms = {digest: path for result in results.values() for digest, path in result.rpm_paths.items()}
    groups = project.workspace.iso / "comps.xml"
    try:
        rpms, seal = _sealed(project, rpms, results)
        groups_or_none = groups if groups.exists() else None
        return repo.compose(project.repository, rpms, epoch=project.epoch, groups=groups_or_none, seal=seal)
    except repo.DamagedFile as error:
        raise condemned(workshop, error.path) from None


def _sealed(
    project: Project, rpms: dict[str, Path], results: Mapping[str, Result]
) -> tuple[dict[str, Path], repo.Seal | None]:
    """Signed copies and the repository's seal, where this distro signs what it publishes."""
    if project.signer is None:
        return rpms, None
    from planex.engine.provenance import provenance  # seldom
    from planex.trust.repository import seal_of, signed_copies, unsigned_digests

    copies = signed_copies(project.signer, project.signed / "rpms", rpms)
    signed = {unsigned: digest for digest, unsigned in unsigned_digests(project.signed / "rpms").items()}
    statements = {name: provenance(project, name, result, signed) for name, result in results.items()}
    return copies, seal_of(project.signer, project.config.name, statements)


def condemned(workshop: Workshop, rpm: Path) -> PlanexError:
    """An RPM of the store was found damaged by reading it, whatever its size and time: it counts as not there."""
    if rpm.is_relative_to(workshop.project.signed):
        shelf.remove(rpm.parent)
        return PlanexError(f"the signed copy of {rpm.name} is damaged", "it is made again: planex build")
    workshop.store.condemn(rpm)
    return PlanexError(f"the stored {rpm.name} is damaged", f"build it again: planex build {rpm.parent.parent.name}")


def check_closure(workshop: Workshop, reporter: Reporter) -> None:
    """``dnf repoclosure`` of the composed repository against the base, unless this very repository passed already."""
    project = workshop.project
    folder = project.buildroots
    passed, name = project.folder / ".closed", f"{behind(project.repository).name} {workshop.buildroot_digest}"
    if passed.exists() and passed.read_bytes() == name.encode():
        return
    from planex.rpm import dnf  # seldom

    with reporter.task("repository") as task, temporary_folder(folder, "closure") as scratch:
        task.phase("repoclosure")
        own = {"planex": behind(project.repository)}
        offline = workshop.offline and project.target.embedded  # mirrors must be asked: the cache is an empty one
        conf = project.mock_config.dnf_conf
        dnf.repoclosure(dnf.Repositories(conf, scratch / "cache", own, offline=offline), scratch)
    write_atomic(passed, name)
