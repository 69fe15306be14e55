# SPDX-License-Identifier: LGPL-2.1-or-later
"""A builder that has workers build: it gives orders, and brings what they made. What is believed is decided elsewhere,
as for what any builder leaves."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path
from threading import Lock
from typing import Protocol

from planex.content import shelf
from planex.distro.project import Project
from planex.drafts import write_atomic
from planex.engine.builders.job import Job
from planex.engine.farm.bundle import bundle_of, digests_of
from planex.engine.farm.orders import ORDERS, Blame, LostWorker, Order, Reply, StoreAddress, read_reply, text_of
from planex.engine.farm.placing import Allotment, Need, Places, Station
from planex.errors import LoggedError, PlanexError
from planex.report import Reporter, Task
from planex.run import check_stopped
from planex.sharing.depot import Depot, shared_file
from planex.sharing.place import Unreachable
from planex.sharing.record import Files, SharedFile

_PAUSE = 1.0
_TRIES = 3
"""Workers that may blame themselves for one package; then it is the package's fault."""
_LOSSES = 6
"""Workers that may be lost with one package."""
_SKEW = 120.0
"""Seconds that a worker's clock may be wrong: compilers and make(1) look at times."""
_LOST_HINT = "look after these workers, or let this machine build: leave --on out"


class Dispatcher(Protocol):
    """The way to workers (``planex.engine.farm.dispatch.Farm``)."""

    def stations(self) -> tuple[Station, ...]:
        """The workers that there are."""

    def ask(self, text: str, share: Allotment, has: frozenset[str], name: str, told: Callable[[str], None]) -> str:
        """Have a worker carry out an order: its reply. Raises LostWorker."""


@dataclass
class FarmBuilder:
    """See ``planex.engine.builders.job.Builder``. ``name``: of the one that workers use."""

    project: Project
    name: str
    buildroot: str
    depot: Depot
    store: StoreAddress
    farm: Dispatcher
    reporter: Reporter
    need: Callable[[str], Need]
    """What a package takes, by its name in the plan."""
    drained: dict[str, str]
    """Workers that are given nothing more, by address, and why."""
    labels: tuple[str, ...] = ()
    offline: bool = False
    _there: set[str] = field(default_factory=set)
    """Digests of what the store has."""
    _waited: bool = False
    _lock: Lock = field(default_factory=Lock)

    def __post_init__(self) -> None:
        self.places = Places(self._needed, self._look, drained=self.drained)

    def _needed(self, package: str) -> Need:
        return replace(self.need(package), has=self._has)

    def _look(self) -> tuple[Station, ...]:
        """The workers that there are; those with a wrong clock are told, once."""
        stations = self.farm.stations()
        for station in stations:
            if abs(station.skew) > _SKEW:
                told = f"its clock is {abs(station.skew):.0f} s {'ahead' if station.skew > 0 else 'behind'}"
                self._drain(station, f"worker {station.name} is given nothing more: {told}")
        if not self._waited and not any(self._has <= station.has for station in stations):
            self._waited = True
            self.reporter.info(f"the farm has no worker with {', '.join(sorted(self._has))}: waiting for one")
        return stations

    def prepare(self, task: Task) -> None:
        """Have the store know what buildroots are made of."""
        task.phase("push what workers need")
        self._bring(self._bundle)

    def build(self, job: Job, task: Task) -> Path:
        return self._made(job, task, generate=False)

    def generate(self, job: Job, task: Task) -> Path | None:
        return None if self.name == "mock" else self._made(job, task, generate=True)

    @cached_property
    def _bundle(self) -> dict[SharedFile, Path]:
        """All files of the bundle, and last the list of them: where that is, the others are as a rule."""
        paths = bundle_of(self.project)
        cache = self.project.workspace.cache / "farm"
        bundle = digests_of(paths, cache / "digests.json")
        listing = cache / f"{self.project.target_name}.json"
        write_atomic(listing, text_of(bundle))
        files = {file: paths[name] for name, file in bundle.files.items()}
        return {**files, shared_file(listing): listing}

    def _bring(self, files: Mapping[SharedFile, Path], *, again: bool = False) -> None:
        try:
            for file, path in files.items():
                if again or file.sha256 not in self._there:
                    self.depot.put(path, file, replace=again)
                    self._there.add(file.sha256)
        except Unreachable as error:
            text = f"store {self.depot.name}, by which the farm gets its files, fails: {error.message}"
            raise PlanexError(text, error.hint) from None

    def _made(self, job: Job, task: Task, *, generate: bool) -> Path:
        """Have an order carried out; the folder with what was made."""
        rpms = sorted(job.dependencies.glob("*.rpm")) if job.dependencies else []
        files = {path: shared_file(path) for path in (job.srpm, *rpms)}
        order = Order(
            store=self.store,
            target=self.project.target_name,
            builder=self.name,
            config=self.project.mock_config.digest,
            buildroot=self.buildroot,
            bundle=next(reversed(self._bundle)),
            package=job.package,
            build_requires=job.build_requires,
            srpm={job.srpm.name: files[job.srpm]},
            rpms={path.name: files[path] for path in rpms},
            dependencies_digest=job.dependencies_digest,
            epoch=job.epoch,
            limits=job.limits,
            conditions=job.conditions,
            generate=generate,
            offline=self.offline,
        )
        needed = {file: path for path, file in files.items()}
        task.phase("push")
        self._bring(needed)
        reply = self._reply(job, order, task)
        if reply.blame is Blame.STORE:  # the store was swept meanwhile, or is damaged
            self._bring({**needed, **self._bundle}, again=True)
            reply = self._reply(job, order, task)
        job.usage.cores, job.usage.memory = reply.usage.cores, reply.usage.memory
        return self._taken(job, reply, task)

    def _taken(self, job: Job, reply: Reply, task: Task) -> Path:
        """Bring what was made. Raises LoggedError where the package failed."""
        task.phase(reply.phase or "bring")
        self._fetch(reply.logs, job.logs)
        if reply.blame is not Blame.NOBODY:
            log = job.logs / "build.log"
            raise LoggedError(reply.message, reply.hint, reply.tail, log if log.exists() else None)
        folder = job.work / "made"
        shelf.remove(folder)
        folder.mkdir()
        self._fetch(reply.files, folder)
        return folder

    def _fetch(self, files: Files, folder: Path) -> None:
        for name, file in files.items():
            (folder / name).unlink(missing_ok=True)
            self.depot.get(file, folder / name)

    def _reply(self, job: Job, order: Order, task: Task) -> Reply:
        """Ask workers until one is neither lost nor to blame."""
        text, losses, blamed = text_of(order), 0, 0
        while True:
            share = self._share(job.step, task)
            told = partial(_tell, task, share.station.name)
            try:
                said = self.farm.ask(text, share, self._has, job.step, told)
                reply = read_reply(said)
            except LostWorker as error:
                losses += 1
                self._drain(share.station, f"{error.message} while it built {job.step}")
                if losses >= _LOSSES:
                    raise PlanexError(f"{losses} workers were lost while they built {job.step}", _LOST_HINT) from None
                continue
            if reply.blame is not Blame.WORKER:
                return reply
            blamed += 1
            self._drain(share.station, f"worker {share.station.name} is given nothing more: {reply.message}")
            if blamed >= _TRIES:
                return replace(reply, blame=Blame.PACKAGE)

    def _share(self, package: str, task: Task) -> Allotment:
        """What a package was given of a worker that still serves; another worker's, where that is gone."""
        while True:
            share = self.places.share(package)
            if share and share.station.address not in self.drained:
                return share
            task.phase("wait for a worker")
            self.places.leave(package)
            self._require_workers(package)
            while not self.places.enter(package):
                check_stopped()
                time.sleep(_PAUSE)
                self.places.renew()

    def _require_workers(self, package: str) -> None:
        """PlanexError where all workers that there are serve no more."""
        self.places.renew()
        if self.places.hopeless:
            told = "; ".join(self.drained.values())
            raise PlanexError(f"no worker is left that can build {package}: {told}", _LOST_HINT)

    def _drain(self, station: Station, reason: str) -> None:
        """Tell once."""
        with self._lock:
            if station.address not in self.places.drained:
                self.places.drain(station.address, reason)
                self.reporter.warn(reason)

    @property
    def _has(self) -> frozenset[str]:
        """What a worker must have."""
        labels = (f"label {label}" for label in self.labels)
        return frozenset({ORDERS, f"arch {self.project.target.arch}", f"builder {self.name}", *labels})


def _tell(task: Task, where: str, phase: str) -> None:
    task.phase(f"{phase} on {where}")
