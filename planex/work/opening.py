# SPDX-License-Identifier: LGPL-2.1-or-later
"""Which tree a person means, and whether its package can be built at all."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from planex.content import records
from planex.distro.project import Project
from planex.engine.builders.sandbox import SandboxBuilder
from planex.engine.shell import require_needs
from planex.engine.workshop import Workshop
from planex.errors import PlanexError
from planex.patchqueue.commits.checkout import is_checkout, read_record
from planex.rebase.package import open_queue
from planex.work.bench import Bench, home_of

_FORMAT = 1


@dataclass(frozen=True, slots=True)
class OpenedTree:
    """Where a package's tree is, if it was opened elsewhere than in ``trees/``."""

    folder: Path


def remember(project: Project, name: str, folder: Path) -> None:
    """Let later commands find the tree by the package's name."""
    records.save(home_of(project, name) / "tree.json", OpenedTree(folder.absolute()), _FORMAT)


def tree_of(project: Project, name: str | None, here: Path) -> tuple[str, Path]:
    """A package and its tree: the one named, or the one that the folder ``here`` lies in."""
    if name is not None:
        (known,) = project.choose([name])
        opened = records.load(home_of(project, known) / "tree.json", OpenedTree, _FORMAT)
        return known, opened.folder if opened else project.workspace.trees / known
    for folder in (here.absolute(), *here.absolute().parents):
        if is_checkout(folder):
            (known,) = project.choose([read_record(folder).package])
            return known, folder
    raise PlanexError(
        "this is no tree of a package", "change into one, or name the package, as in: planex work build xen"
    )


def open_bench(workshop: Workshop, name: str, folder: Path, *, offline: bool = False) -> Bench:
    """What a tree is built with. PlanexError where what it needs is not built."""
    if not is_checkout(folder):
        raise PlanexError(f"{name} has no tree in {folder}", f"make it: planex work {name}")
    if read_record(folder).package != name:
        raise PlanexError(f"{folder} is a tree of {read_record(folder).package}, not of {name}")
    if fault := workshop.fault(name):
        raise fault
    workshop.require_base()
    require_needs(workshop, name)
    project = workshop.project
    builder = SandboxBuilder(project.mock_config, workshop.buildroot_digest, project.buildroots, offline=offline)
    return Bench(workshop, open_queue(project, name, offline=offline), builder, folder, offline)
