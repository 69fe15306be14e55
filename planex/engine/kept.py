# SPDX-License-Identifier: LGPL-2.1-or-later
"""Trees of failed builds that somebody wants to look at: one a package, until it is built well or fails again."""

from __future__ import annotations

from pathlib import Path

from planex.content import shelf
from planex.distro.project import Project


def kept_tree(project: Project, package: str) -> Path:
    """Where the work folder of a package's failed build is kept: ``srpm/`` and ``builder/``."""
    return project.folder / "kept" / package


def keep_tree(project: Project, package: str, work: Path) -> bool:
    """Keep a work folder; False where the build did not come as far as its buildroot."""
    if not (work / "builder" / "root").is_dir():
        return False
    shelf.remove(work / "dependencies")
    shelf.publish(work, kept_tree(project, package))
    return True


def forget_tree(project: Project, package: str) -> None:
    """The package was built well."""
    if (tree := kept_tree(project, package)).exists():
        shelf.remove(tree)
