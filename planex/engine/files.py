# SPDX-License-Identifier: LGPL-2.1-or-later
"""All files that go into a package's SRPM besides its spec."""

from __future__ import annotations

from pathlib import Path

from planex.distro.project import Project
from planex.distro.sources import local_files, remote_sources
from planex.report import Task
from planex.sources.fetch import fetch


def source_files(project: Project, name: str, task: Task, *, offline: bool = False) -> dict[str, Path]:
    """File name to path of every source and patch; what is not there is fetched."""
    recipe, package = project.recipe(name), project.package(name)
    files = dict(local_files(recipe, package))
    for source in remote_sources(recipe, package):
        files[source.name] = fetch(project.workspace, source, task, offline=offline, limits=project.config.downloads)
    return files
