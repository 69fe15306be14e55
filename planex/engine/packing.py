# SPDX-License-Identifier: LGPL-2.1-or-later
"""All that comes before a buildroot: a package's sources, its patches tried on them, and the SRPM with both."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from planex.content import shelf
from planex.distro.project import Project
from planex.distro.sources import local_files, remote_sources
from planex.distro.unpacked import require_folders
from planex.engine.workshop import Workshop
from planex.errors import PlanexError
from planex.patchqueue.apply.check import check_queue, require_applies
from planex.report import Task
from planex.rpm.srpm import make_srpm
from planex.sources.fetch import fetch

_PACKED_AT_MOST = 3


@dataclass(frozen=True)
class Packing:
    """How the SRPM of a package is made."""

    workshop: Workshop
    name: str
    offline: bool

    def run(self, task: Task, output: Path, log: Path) -> Path:
        """The SRPM, in the folder ``output``."""
        project, name = self.workshop.project, self.name
        files = self._files(task)
        task.phase("unpack")
        require_folders(project.package(name), project.rendered(name), files)
        task.phase("patches")
        _try_patches(project, name, files)
        task.phase("srpm")
        return self._pack(files, output, log)

    def _files(self, task: Task) -> dict[str, Path]:
        """File name to path of every source and patch; what is not there is fetched."""
        project = self.workshop.project
        recipe, package = project.recipe(self.name), project.package(self.name)
        files, limits = dict(local_files(recipe, package)), project.config.downloads
        for source in remote_sources(recipe, package):
            files[source.name] = fetch(project.workspace, source, task, offline=self.offline, limits=limits)
        return files

    def _pack(self, files: Mapping[str, Path], output: Path, log: Path) -> Path:
        """The SRPM of what the key will say is in it: where a file was edited meanwhile, it is made again."""
        project, name = self.workshop.project, self.name
        for _ in range(_PACKED_AT_MOST):
            before = self.workshop.renew(name)
            macros, spec = project.macros_of(name), project.rendered(name)
            srpm = make_srpm(project.package(name), spec, files, macros, shelf.fresh(output), log)
            if self.workshop.renew(name) == before:
                return srpm
        raise PlanexError(f"{name}: its files change while they are packed", "build it when they are at rest")


def _try_patches(project: Project, name: str, files: Mapping[str, Path]) -> None:
    """Apply the queue to the files that it touches, as %autosetup will do to the whole tree."""
    queue = project.recipe(name).queue
    if queue.patches:
        sources = [source for source in project.package(name).sources if source.kind == "source"]
        if not sources:
            raise PlanexError(f"{name} has a patch queue but no Source", "name the tarball in a Source0 line")
        tarball = min(sources, key=lambda source: source.number).file_name
        require_applies(check_queue(queue, files[tarball], project.workspace.cache / "patches"), name, queue)
