# SPDX-License-Identifier: LGPL-2.1-or-later
"""What makes a package another one than at an earlier commit: in itself, and in the packages that it needs."""

from __future__ import annotations

from collections.abc import Mapping

from planex.content.key import differences
from planex.distro.project import Project
from planex.engine.workshop import Workshop

Changes = Mapping[str, tuple[str, ...]]
"""Package to what changed in it, in words; the package that was asked for comes first."""


def changes_since(old: Workshop, new: Workshop, package: str) -> Changes:
    """Of a package and all that it needs. ConfigError where one of them cannot be read."""
    before, scope = _closure(old, package), _closure(new, package)
    found = {name: _changes(old, new, name) for name in (package, *sorted(scope - {package}))}
    found |= dict.fromkeys(sorted(before - scope), ("is needed no more",))
    return {name: changes for name, changes in found.items() if changes}


def _closure(workshop: Workshop, package: str) -> frozenset[str]:
    return workshop.graph.closure([package]) if _is_there(workshop.project, package) else frozenset()


def _is_there(project: Project, name: str) -> bool:
    return name in project.built or name in project.bootstraps


def _changes(old: Workshop, new: Workshop, name: str) -> tuple[str, ...]:
    for workshop in (old, new):
        if fault := workshop.fault(name):
            raise fault
    if not _is_there(old.project, name):
        return ("is new",)
    was, now = (workshop.project.package(name).version for workshop in (old, new))
    version = (f"version {was} -> {now}",) if was != now else ()
    return (*version, *differences(old.own(name), new.own(name)))
