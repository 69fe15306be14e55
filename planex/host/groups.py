# SPDX-License-Identifier: LGPL-2.1-or-later
"""Groups of packages of the repository on the ISO: a comps.xml of iso/, or what iso.yaml says."""

from __future__ import annotations

from pathlib import Path

from planex.distro.project import Project
from planex.drafts import write_atomic
from planex.errors import ConfigError, Problem
from planex.host.definition import IsoDefinition, PackageGroup, definition_path
from planex.nearest import did_you_mean
from planex.rpm import repo
from planex.rpm.comps import CompsGroup, comps_text


def groups_file(project: Project, definition: IsoDefinition, composed: Path, work: Path) -> Path | None:
    """The file with the groups, if there are any. ``composed``: the repository; ``work``: where it may be written."""
    if definition.comps:
        return needed(project.workspace.iso / definition.comps, "'comps' of iso/iso.yaml")
    if not definition.groups:
        return None
    _refuse_unknown(definition_path(project.workspace, project.target_name), definition.groups, composed)
    groups = [CompsGroup(group.id, group.name, group.description, group.packages) for group in definition.groups]
    write_atomic(work / "comps.xml", comps_text(groups))
    return work / "comps.xml"


def _refuse_unknown(written: Path, groups: tuple[PackageGroup, ...], composed: Path) -> None:
    there = repo.read_index(composed).names
    problems = [
        Problem(written, 0, f"group '{group.id}': no package '{name}' was built here{did_you_mean(name, list(there))}")
        for group in groups
        for name in group.packages
        if name not in there
    ]
    if problems:
        raise ConfigError(problems, "build it, or leave it out: what packages of a group require comes along")


def needed(path: Path, what: str) -> Path:
    """A file that must be there; ConfigError says what it is."""
    if not path.is_file():
        raise ConfigError([Problem(path, 0, f"file not found; it is {what}")])
    return path
