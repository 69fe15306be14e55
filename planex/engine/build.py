# SPDX-License-Identifier: LGPL-2.1-or-later
"""The orchestrator: carries out a Plan. Reads top to bottom."""

from __future__ import annotations

import os
import threading
import time
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from planex.content import shelf
from planex.disk import explain
from planex.distro.project import BOOTSTRAP, Project
from planex.engine.builders import Builder
from planex.engine.exchange import parcel, take
from planex.engine.kept import keep_tree
from planex.engine.make import Make
from planex.engine.outcome import NOT_BUILT, BuildFailed, Outcome
from planex.engine.packing import Packing
from planex.engine.plan import Action, Plan, Step
from planex.engine.schedule import LocalRooms, Rooms, Schedule, usual_jobs
from planex.engine.workshop import LateNeed, Workshop
from planex.errors import LoggedError, PlanexError
from planex.events import BuildBegan, Status
from planex.report import Reporter, Task
from planex.run import check_stopped
from planex.workers import workers

_MOST_AT_ONCE = 4096
_PAUSE = 1.0
"""Seconds between two looks whether there is room for what is ready."""


@dataclass(frozen=True, slots=True)
class Options:
    """What the user may choose for one build. ``jobs``: packages built at once; ``keep``: trees of failed builds."""

    jobs: int
    keep_going: bool = False
    offline: bool = False
    keep: bool = False


def default_jobs(project: Project) -> int:
    """What planex.yaml says, else what is usual for this machine."""
    return project.config.jobs or usual_jobs(os.cpu_count() or 1)


@dataclass
class Build:
    """One run of a plan."""

    workshop: Workshop
    plan: Plan
    builder: Builder
    reporter: Reporter
    options: Options
    rooms: Rooms | None = None
    """Where packages are built, if not on this machine."""
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    _srpms: dict[str, Path] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def project(self) -> Project:
        return self.workshop.project

    def run(self) -> list[Outcome]:
        """Prepare everything, then build what must be built; outcomes in the plan's order."""
        for step in self.plan.steps:
            if step.action is Action.REUSE:
                self._settle(step)
        self._take_all()
        if self.plan.builds:
            self.reporter.tell(BuildBegan(self.options.jobs))
        self._prepare()
        if self.plan.builds and not self._stopped():
            with self.reporter.task("buildroot") as task:
                self.builder.prepare(task)
            self._build_all()
        for step in self.plan.builds:
            if step.package not in self.outcomes:
                self._skip(step)
        return [self.outcomes[step.package] for step in self.plan.steps if step.package in self.outcomes]

    def _stopped(self) -> bool:
        failed = any(outcome.status is Status.FAILED for outcome in self.outcomes.values())
        return failed and not self.options.keep_going

    def _take_all(self) -> None:
        """What stores have. What they then have not is built: that may change what is to be done with what needs it."""
        with workers(self.options.jobs) as pool:
            for outcome in pool.map(self._take_step, self.plan.takes):
                self._record(outcome)

    def _take_step(self, step: Step) -> Outcome:
        with self.reporter.task(step.package) as task:
            return self._take(step.package, task) or Outcome(step.package, Status.POSTPONED, task.seconds)

    def _take(self, name: str, task: Task) -> Outcome | None:
        try:
            store = take(self.workshop, name, self._work(name), task)
        except (PlanexError, OSError) as error:
            return self._failed(name, task, error, self._work(name) / "none")
        return Outcome(name, Status.TAKEN, task.seconds, store=store) if store else None

    def _prepare(self) -> None:
        """Sources, patches and SRPMs of all, so that a broken patch shows before any buildroot is made."""
        with workers(self.options.jobs) as pool:
            for outcome in pool.map(self._prepare_one, self.plan.builds):
                if outcome is not None:
                    self._record(outcome)

    def _prepare_one(self, step: Step) -> Outcome | None:
        name = step.package
        logs = shelf.fresh(self.project.workspace.logs(self.project.target_name, name))
        with self.reporter.task(name) as task:
            try:
                packing = Packing(self.workshop, name, self.options.offline)
                self._srpms[name] = packing.run(task, self._work(name) / "srpm", logs / "srpm.log")
            except (PlanexError, OSError) as error:
                return self._failed(name, task, error, logs / "srpm.log")
        return None

    def _failed(self, name: str, task: Task, error: PlanexError | OSError, log: Path) -> Outcome:
        """A package did not build: its logs stay, its work folder goes, or it would fill the disk for the next."""
        cause = explain(error) if isinstance(error, OSError) else error
        if isinstance(cause, LoggedError):
            cause.hint = cause.hint or "\n".join(self.project.leftovers(name)) or None
        late = isinstance(cause, LateNeed)
        with suppress(PlanexError, OSError):
            check_stopped()  # whoever presses Ctrl-C does not wait for that; the next run sweeps
            if self.options.keep and not late and keep_tree(self.project, name, self._work(name)):
                cause.hint = cause.hint or f"look around in what it left: planex shell {name.removesuffix(BOOTSTRAP)}"
            shelf.remove(self._work(name))
        failure = cause if late else _failure(name, task, cause, log)
        return Outcome(name, Status.POSTPONED if late else Status.FAILED, task.seconds, failure)

    def _build_all(self) -> None:
        """As many at once as have room; nothing more once the run is stopped."""
        steps = {step.package: step for step in self.plan.builds}
        lacking = {name for name, outcome in self.outcomes.items() if outcome.status in NOT_BUILT}
        needs = {name: (steps.keys() | lacking) & {*step.needs} for name, step in steps.items()}
        weights = {name: step.weight for name, step in steps.items() if name not in self.outcomes}
        schedule = Schedule(needs, weights, self.rooms or LocalRooms(self.options.jobs))
        running: set[Future[Outcome]] = set()
        with workers(_MOST_AT_ONCE) as pool:
            while True:
                if not self._stopped():
                    running |= {pool.submit(self._build_one, steps[name]) for name in schedule.start()}
                if not running and (self._stopped() or not schedule.waiting):
                    return
                if not running:
                    time.sleep(_PAUSE)
                done, running = wait(running, _PAUSE if schedule.waiting else None, return_when=FIRST_COMPLETED)
                for outcome in (future.result() for future in done):
                    self._record(outcome)
                    schedule.ended(outcome.package, built=outcome.status not in NOT_BUILT)

    def _skip(self, step: Step) -> None:
        ended = [self.outcomes[name] for name in step.needs if name in self.outcomes]
        culprit = next((each.package for each in ended if each.status is not Status.POSTPONED and each.error), None)
        reason = PlanexError(f"{step.package} needs {culprit}, which did not build") if culprit else None
        late = not culprit and any(each.status is Status.POSTPONED for each in ended)
        self._record(Outcome(step.package, Status.POSTPONED if late else Status.SKIPPED, error=reason))

    def _build_one(self, step: Step) -> Outcome:
        name = step.package
        logs = self.project.workspace.logs(self.project.target_name, name)
        with self.reporter.task(name) as task:
            try:
                if self._settle(step):
                    return Outcome(name, Status.UNCHANGED, task.seconds)
                if not step.forced and (taken := self._take(name, task)):
                    return taken
                make = Make(self.workshop, self.builder, name, self._srpms[name], self._work(name), logs, self.reporter)
                status = make.run(task, forced=step.forced)
            except (PlanexError, OSError) as error:
                return self._failed(name, task, error, logs / "build.log")
            self._give(name, logs)
            return Outcome(name, status, task.seconds)

    def _give(self, name: str, logs: Path) -> None:
        """Have what was built pushed to the stores that take some."""
        depots, result = self.workshop.depots, self.workshop.store.current(name)
        if depots and result:
            depots.push(partial(parcel, name, result, logs))

    def _settle(self, step: Step) -> bool:
        """Whether an earlier result serves: dependencies that were rebuilt may have come out the same."""
        if step.forced:
            return False
        if not self.workshop.reuse(step.package):
            return False
        if step.action is Action.REUSE:
            self._record(Outcome(step.package, Status.REUSED))
        return True

    def _work(self, name: str) -> Path:
        return self.project.folder / "work" / "build" / name

    def _record(self, outcome: Outcome) -> None:
        with self._lock:
            self.outcomes[outcome.package] = outcome
        self.reporter.tell(outcome.event)


def _failure(name: str, task: Task, error: PlanexError, log: Path) -> BuildFailed:
    own = error.log if isinstance(error, LoggedError) and error.log else None
    return BuildFailed(name, task.current_phase, error, own or (log if log.exists() else None))
