# SPDX-License-Identifier: LGPL-2.1-or-later
"""The way to where a package is built: its job, with all that it needs, or the one that failed and was kept."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from planex.content import shelf
from planex.distro.config import build_limits
from planex.distro.project import BOOTSTRAP
from planex.engine.builders import Job, SandboxBuilder
from planex.engine.kept import kept_tree
from planex.engine.make import Make
from planex.engine.packing import Packing
from planex.engine.plan import Action
from planex.engine.workshop import Workshop
from planex.errors import PlanexError
from planex.report import Reporter
from planex.rpm.srpm import source_date_epoch


@dataclass(frozen=True)
class Entrance:
    """A way into the buildroot of one package."""

    workshop: Workshop
    builder: SandboxBuilder
    name: str
    reporter: Reporter

    def kept(self) -> Job | None:
        """The job whose build failed last, where its tree was kept."""
        project = self.workshop.project
        trees = (kept_tree(project, name) for name in (self.name, f"{self.name}{BOOTSTRAP}"))
        if (tree := next((each for each in trees if each.is_dir()), None)) is None:
            return None
        srpms, package = sorted((tree / "srpm").glob("*.src.rpm")), project.package(self.name)
        if not srpms:
            return None
        return Job(
            package=package,
            build_requires=(),
            srpm=srpms[0],
            dependencies=None,
            dependencies_digest="",
            work=tree / "builder",
            results=tree / "builder" / "results",
            logs=tree,
            epoch=source_date_epoch(package),
            limits=build_limits(project.config, project.recipe(self.name).settings.limits),
        )

    @contextmanager
    def fresh(self, *, offline: bool) -> Iterator[Job]:
        """The job of the next build, in a folder that goes at the end; what it needs must have been built."""
        require_needs(self.workshop, self.name)
        folder = self.workshop.project.folder / "work" / "aside"
        with shelf.draft(folder / self.name) as work:
            logs = shelf.fresh(work / "logs")
            with self.reporter.task(self.name) as task:
                srpm = Packing(self.workshop, self.name, offline).run(task, work / "srpm", logs / "srpm.log")
            make = Make(self.workshop, self.builder, self.name, srpm, work, logs, self.reporter)
            yield make.job(self.workshop.buildroot(self.name))


def require_needs(workshop: Workshop, name: str) -> None:
    """PlanexError where something that may be in a package's buildroot is not built."""
    lacking = []
    for step in workshop.plan([name], force=[name]).steps:
        if step.package == name or not workshop.graph.may_have(name, step.package):
            continue
        if not (step.action is Action.KEEP or (step.action is Action.REUSE and workshop.reuse(step.package))):
            lacking.append(step.package)
    if lacking:
        message = f"{name} is built with what {', '.join(lacking)} give, and that is to be built first"
        raise PlanexError(message, f"planex build {' '.join(lacking)}")
