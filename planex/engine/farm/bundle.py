# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a worker needs of a workspace: mock configurations, ``repos/``, and the repository of an embedded base."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from planex.content.remembered import Remembered
from planex.distro.project import Project
from planex.engine.farm.orders import Bundle
from planex.sharing.record import SharedFile


def bundle_of(project: Project) -> dict[str, Path]:
    """Path in the workspace to file."""
    workspace = project.workspace
    found = {
        f"{folder.name}/{path.name}": path
        for folder in (workspace.mock_configs, workspace.repos)
        for path in _files(folder, "*")
    }
    if base := project.base_repository:
        place = base.relative_to(workspace.root)
        found |= {f"{place}/{path.relative_to(base)}": path for path in _files(base, "**/*")}
    return found


def digests_of(paths: dict[str, Path], cache: Path) -> Bundle:
    """The same by digest; those that were seen before are not read again."""
    known = Remembered(cache)
    files = {name: SharedFile(known.digest(path), path.stat().st_size) for name, path in sorted(paths.items())}
    known.save()
    return Bundle(files)


def _files(folder: Path, pattern: str) -> Iterator[Path]:
    return (path for path in sorted(folder.glob(pattern)) if path.is_file() and not path.name.startswith("."))
