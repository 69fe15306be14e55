# SPDX-License-Identifier: LGPL-2.1-or-later
"""One package, from its SRPM to a stored result: buildroot, builder, outputs, store."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from planex.content import shelf
from planex.content.copies import copy_file
from planex.content.key import outputs_digest
from planex.distro.config import build_limits
from planex.engine.builders import Builder, Job
from planex.engine.buildroot import Buildroot, write_base
from planex.engine.kept import forget_tree
from planex.engine.observed import installed, read_generated
from planex.engine.outputs import MissingOutput, accept, rules_of
from planex.engine.publish import condemned
from planex.engine.workshop import Workshop
from planex.errors import LoggedError, PlanexError
from planex.events import Status
from planex.report import Reporter, Task
from planex.rpm import repo
from planex.rpm.capability import Capability
from planex.rpm.srpm import source_date_epoch
from planex.run import tail

_GENERATED_AT_MOST = 10
"""Times that %generate_buildrequires may ask for something new."""


@dataclass(frozen=True)
class Make:
    """How one package is made. ``work``: a folder for it alone; ``logs``: where builders write."""

    workshop: Workshop
    builder: Builder
    name: str
    srpm: Path
    work: Path
    logs: Path
    reporter: Reporter

    def run(self, task: Task, *, forced: bool) -> Status:
        """Build, check and store. An earlier result serves where that shows only now, unless ``forced``."""
        started = time.monotonic()
        generates = self.workshop.project.package(self.name).generates
        if generates and self._learn(task) and not forced and self.workshop.reuse(self.name):
            shelf.remove(self.work)
            return Status.UNCHANGED
        if not generates:
            self.workshop.learn(self.name, ())  # what was installed besides is seen anew, and is not asked for
        buildroot = self.workshop.buildroot(self.name)
        job = self.job(buildroot)
        made = self.builder.build(job, task)
        buildroot = self._as_installed(buildroot)
        task.phase("outputs")
        results = shelf.fresh(self.work / "results")
        self._accept(job, made, results)
        copy_file(job.srpm, results / job.srpm.name)
        task.phase("store")
        write_base(results, buildroot)
        inputs = self.workshop.own(self.name) | buildroot.rows
        seconds = time.monotonic() - started
        result = self.workshop.store.add(self.name, results, inputs, seconds, self.builder.name, job.usage)
        if not self.workshop.settle(self.name, result):
            damage = self.workshop.store.damage(self.name, result.key)
            raise PlanexError(f"{damage}", f"build it again: planex build {self.name}")
        shelf.remove(self.work)
        forget_tree(self.workshop.project, self.name)
        return Status.BUILT

    def _learn(self, task: Task) -> bool:
        """Run %generate_buildrequires until it asks for nothing new; whether it asked for anything."""
        for _ in range(_GENERATED_AT_MOST):
            job = self.job(self.workshop.buildroot(self.name))
            folder = self.builder.generate(job, task)
            if folder is None:
                return False
            generated = read_generated(folder, job.work, self.work / "buildrequires.rpm")
            if not self.workshop.learn(self.name, generated):
                return True
        raise PlanexError(f"{self.name}: its %generate_buildrequires asks for something new each time it is run")

    def _as_installed(self, buildroot: Buildroot) -> Buildroot:
        """The buildroot with what the builder installed besides, which is known to later plans."""
        if buildroot.base is None:
            return buildroot
        foreseen = {name for name, _ in buildroot.base} | {made.name for _, made in buildroot.made}
        if more := installed(self.logs / "installed_pkgs.log") - foreseen:
            self.workshop.learn(self.name, (*self.workshop.asks(self.name), *map(Capability, sorted(more))))
        return self.workshop.buildroot(self.name)

    def job(self, buildroot: Buildroot) -> Job:
        """What a builder is asked, with a repository of what this workspace has for the buildroot."""
        project, package = self.workshop.project, self.workshop.project.package(self.name)
        try:
            repository = _dependency_repo(self.work / "dependencies", self._rpms(buildroot))
        except repo.DamagedFile as error:
            raise condemned(self.workshop, error.path) from None
        return Job(
            package=package,
            build_requires=self.workshop.asks(self.name),
            srpm=self.srpm,
            dependencies=repository,
            dependencies_digest=outputs_digest(made.digest for _, made in buildroot.made),
            work=shelf.fresh(self.work / "builder"),
            results=shelf.fresh(self.work / "builder" / "results"),
            logs=self.logs,
            epoch=source_date_epoch(package),
            step=self.name,
            conditions=("bootstrap",) if self.name in project.bootstraps else (),
            limits=build_limits(project.config, project.recipe(self.name).settings.limits),
        )

    def _rpms(self, buildroot: Buildroot) -> dict[str, Path]:
        """SHA-256 to file of the RPMs that a buildroot may be given."""
        found: dict[str, Path] = {}
        for package, made in buildroot.made:
            result = self.workshop.store.current(package)
            if result is None or made.digest not in result.rpm_paths:
                raise PlanexError(f"the result of {package} is gone from the store", f"planex build {package}")
            found[made.digest] = result.rpm_paths[made.digest]
        return found

    def _accept(self, job: Job, made: Path, results: Path) -> None:
        """Take what the builder left, if it is what the spec promises and nothing else."""
        rules = rules_of(self.workshop, self.name)
        try:
            accepted = accept(made, job.work, job.package, results, rules)
        except MissingOutput as error:
            log = job.logs / "build.log"
            text = tail(log.read_text(errors="replace")) if log.exists() else ""
            raise LoggedError(error.message, None, text, log) from None
        for text in accepted.warnings:
            self.reporter.warn(text)
        for text in accepted.remarks:
            self.reporter.remark(text)


def _dependency_repo(folder: Path, rpms: Mapping[str, Path]) -> Path | None:
    if not rpms:
        return None
    repo.copy_rpms(shelf.fresh(folder), rpms)
    repo.create_repo(folder)
    return folder
