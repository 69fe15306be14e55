# SPDX-License-Identifier: LGPL-2.1-or-later
"""How the commands of ``planex patchqueue`` come to the queue they work on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from planex.cli.context import Context
from planex.content.locks import hold
from planex.distro.project import load_project
from planex.patchqueue.carry.judge import Orders
from planex.patchqueue.format.remarks import remarks
from planex.rebase.package import PackageQueue, open_queue


def orders_for(found: PackageQueue, keep: tuple[str, ...], drop: dict[str, str]) -> Orders:
    """What a person decided beforehand, with the patches' full names; an unknown patch is an error."""
    names = {name: found.queue.find(name).name for name in (*keep, *drop)}
    return Orders(frozenset(names[name] for name in keep), {names[name]: reason for name, reason in drop.items()})


def queue_of(context: Context, name: str, guards: tuple[str, ...] = (), *, offline: bool = False) -> PackageQueue:
    """The queue of a package of the workspace."""
    project = load_project(context.workspace, context.config, context.target_name, tolerant=True)
    return open_queue(project, name, guards, offline=offline)


def warn_of_oddities(context: Context, found: PackageQueue) -> None:
    """Guards that choose nothing, patches that are not in the series, and what else would stop a build of all."""
    chosen = found.guards.union(found.project.recipes[found.name].settings.guards)
    for remark in remarks(found.queue, chosen):
        context.reporter.warn(f"{found.name}: {remark}")
    for remark in found.project.left_alone([found.name]):
        context.reporter.warn(remark)


@contextmanager
def alone(package: PackageQueue) -> Iterator[None]:
    """No other planex works on this package's queue until the context ends."""
    with hold(package.project.workspace.lock, shared=True), hold(package.home / "lock"):
        package.sweep()
        yield
