# SPDX-License-Identifier: LGPL-2.1-or-later
"""``planex lock``, and what ``planex fetch --all`` and ``planex build --hermetic`` do with a lock."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import click

from planex.base.archive import LockedAnswer
from planex.base.build import DEBS, build_locked, needed
from planex.base.definition import Definition
from planex.checksums import Checksum
from planex.cli.context import Context, pass_context
from planex.cli.output import echo
from planex.content import records
from planex.content.locks import hold
from planex.content.store import Store
from planex.distro import lock as locks
from planex.distro.lock import DEB, FORMAT, NAME, BuildLock, LockedFile
from planex.distro.project import Project, load_project
from planex.drafts import write_atomic
from planex.engine.buildroot import read_base
from planex.git.history import position_of
from planex.schema import load
from planex.units import many

FILE = click.Path(path_type=Path, dir_okay=False)


@click.command(short_help="Write down all that a build needs from outside.")
@click.option("--output", type=FILE, help=f"Write it here (default: {NAME} in the target's folder in _build).")
@pass_context
def lock(context: Context, output: Path | None) -> None:
    """Write down all that a build of this commit needs from outside: sources, base packages, base ISO.

    Each with its digest and the places it may come from. The base must be there (planex base build).

    \b
    Example:
      planex lock --output release-1.0.lock
    """
    project = load_project(context.workspace, context.config, context.target_name)
    made = make_lock(context, project)
    path = output or project.folder / NAME
    write_atomic(path, records.text(made, FORMAT))
    kinds = [item.kind for item in made.files]
    counts = [many(kinds.count(kind), f"{kind} file") for kind in dict.fromkeys(kinds)]
    context.reporter.info(", ".join(counts) or "nothing is needed from outside")
    echo(context.workspace.relative(path))


def make_lock(context: Context, project: Project) -> BuildLock:
    """The lock of the workspace as it is."""
    position = position_of(project.workspace.root)
    files, base = [*locks.source_files(project)], dict[str, object]()
    if project.target.embedded:
        answer, debs = needed(context.workspace.base(project.target.base), _definition(context))
        base = asdict(answer)
        for deb in debs:
            places = (f"debian:{deb.filename}",)
            files.append(LockedFile(DEB, project.target.base, deb.file, Checksum("SHA256", deb.sha256), places))
    remote = () if project.target.embedded else tuple(sorted(set(_remote(project))))
    return BuildLock(
        project.target_name, position.commit if position else "", locks.without_doubles(files), base, remote
    )


def _remote(project: Project) -> Iterator[tuple[str, str]]:
    """Packages of a remote base that were in buildroots."""
    store = Store(project.folder / "store")
    for name in project.built:
        if result := store.current(name):
            yield from read_base(result.folder) or ()


def mirror(context: Context, folder: Path, lock_file: Path | None) -> None:
    """Have in a folder exactly what a lock says, or what the workspace needs as it is."""
    project = load_project(context.workspace, context.config, context.target_name)
    made = locks.read_lock(lock_file) if lock_file else make_lock(context, project)
    with (
        hold(context.workspace.lock, shared=True, patience=context.patience(wait=True)),
        context.reporter.task("mirror") as task,
    ):
        count = locks.make_mirror(project, made, _debs(context), folder, task)
    context.reporter.info(many(count, "file"))
    echo(context.workspace.relative(folder))


def unlock(context: Context, folder: Path) -> None:
    """Put what a mirror has where a build looks for it, and make the base of that; nothing else is asked."""
    project = load_project(context.workspace, context.config, context.target_name, tolerant=True)
    made = locks.read_lock(folder / NAME)
    locks.require_locked(project, made)
    with hold(context.workspace.lock, shared=True, patience=context.patience(wait=True)):
        locks.take_files(context.workspace, made, folder, _debs(context))
        if project.target.embedded:
            base = context.workspace.base(project.target.base)
            debs = frozenset((item.name, item.checksum.value) for item in made.files if item.kind == DEB)
            locked = LockedAnswer(folder / NAME, made.base, debs)
            build_locked(base, _definition(context), locked, context.reporter)


def _debs(context: Context) -> Path:
    return context.workspace.base(context.target.base) / DEBS


def _definition(context: Context) -> Definition:
    return load(context.workspace.repos / f"{context.target.base}.yaml", Definition)
