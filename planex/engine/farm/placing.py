# SPDX-License-Identifier: LGPL-2.1-or-later
"""Which worker builds what. Pure: what workers have and packages need in, the worker out."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from threading import RLock

from planex.cage.limits import Usage
from planex.engine.schedule import usual_jobs

_MARGIN = 1.25
"""Of memory, over what was seen: four looks a second do not see all."""
_LEAST = 0.05
"""Cores that the smallest package is taken to need: it also reads and writes."""


@dataclass(frozen=True, slots=True)
class Station:
    """A worker as the farm sees it. ``has``: words such as ``arch x86_64``; ``memory`` in bytes."""

    address: str
    name: str
    cores: float
    memory: int
    has: frozenset[str] = frozenset()
    skew: float = 0.0
    """Seconds that its clock is ahead of the scheduler's."""


@dataclass(frozen=True, slots=True)
class Need:
    """What a package takes. ``cores``: None where nobody knows; ``has``: what its worker must have."""

    cores: float | None = None
    memory: int = 0
    has: frozenset[str] = frozenset()


def need_of(usage: Usage) -> Need:
    """From what a package used when it was built last."""
    return Need(usage.cores or None, int(_MARGIN * usage.memory))


@dataclass(frozen=True, slots=True)
class Allotment:
    """What of a worker a package has been given."""

    station: Station
    cores: float
    memory: int


def share_of(need: Need, station: Station) -> Allotment:
    """What a package gets of an empty worker: never more than there is."""
    usual = station.cores / usual_jobs(int(station.cores))
    cores = usual if need.cores is None else max(_LEAST, need.cores)
    return Allotment(station, min(cores, station.cores), min(need.memory, station.memory))


@dataclass
class Places:
    """The workers of a run and what they are given. See ``planex.engine.schedule.Rooms``."""

    needs: Callable[[str], Need]
    look: Callable[[], Iterable[Station]]
    """The workers that there are now."""
    stations: dict[str, Station] = field(default_factory=dict)
    drained: dict[str, str] = field(default_factory=dict)
    """Address to why nothing more is given to that worker."""
    _given: dict[str, Allotment] = field(default_factory=dict)
    _used: dict[str, tuple[float, int]] = field(default_factory=dict)
    _awaited: dict[str, str] = field(default_factory=dict)
    """Address to the package that a worker is kept free for."""
    _lock: RLock = field(default_factory=RLock)

    def renew(self) -> None:
        """Look which workers there are."""
        found = {station.address: station for station in self.look()}
        with self._lock:
            self.stations = found
            self._awaited = {key: name for key, name in self._awaited.items() if key in found}

    def drain(self, address: str, reason: str) -> None:
        """Give a worker nothing more."""
        with self._lock:
            self.drained[address] = reason
            self._awaited.pop(address, None)

    @property
    def full(self) -> bool:
        self.renew()
        with self._lock:
            return not self.hopeless and not any(self._free(station)[0] >= _LEAST for station in self._serving())

    @property
    def hopeless(self) -> bool:
        """Whether there are workers, and none that serves: who enters is told so, and waits for nothing."""
        return bool(self.stations) and not self._serving()

    def enter(self, package: str) -> bool:
        with self._lock:
            if self.hopeless:
                return True
            need = self.needs(package)
            fit = [share_of(need, station) for station in self._fit(need)]
            free = [share for share in fit if self._has_room(share, package)]
            if not free:
                self._await(package, fit)
                return False
            self._give(package, min(free, key=lambda share: (self._load(share.station), share.station.address)))
            return True

    def leave(self, package: str) -> None:
        with self._lock:
            if share := self._given.pop(package, None):
                cores, memory = self._used[share.station.address]
                self._used[share.station.address] = (cores - share.cores, memory - share.memory)

    def share(self, package: str) -> Allotment | None:
        """What a package was given, if it was given something."""
        return self._given.get(package)

    def _give(self, package: str, share: Allotment) -> None:
        address = share.station.address
        cores, memory = self._used.get(address, (0.0, 0))
        self._used[address] = (cores + share.cores, memory + share.memory)
        self._given[package] = share
        self._awaited = {key: name for key, name in self._awaited.items() if name != package}

    def _await(self, package: str, fit: list[Allotment]) -> None:
        """Keep a worker free for a package that needs much of one, or small ones would go first for ever."""
        if package in self._awaited.values():
            return
        large = [
            share for share in fit if 2 * share.cores > share.station.cores or 2 * share.memory > share.station.memory
        ]
        if open_ := [share for share in large if share.station.address not in self._awaited]:
            nearest = min(open_, key=lambda share: (self._load(share.station), share.station.address))
            self._awaited[nearest.station.address] = package

    def _serving(self) -> list[Station]:
        return [station for station in self.stations.values() if station.address not in self.drained]

    def _fit(self, need: Need) -> list[Station]:
        """Those that have what it must have: of these the ones with memory enough, else the largest."""
        having = [station for station in self._serving() if need.has <= station.has]
        most = max((station.memory for station in having), default=0)
        return [station for station in having if station.memory >= min(need.memory, most)]

    def _free(self, station: Station) -> tuple[float, int]:
        cores, memory = self._used.get(station.address, (0.0, 0))
        return station.cores - cores, station.memory - memory

    def _has_room(self, share: Allotment, package: str) -> bool:
        cores, memory = self._free(share.station)
        kept = self._awaited.get(share.station.address, package) == package
        return kept and share.cores <= cores + 1e-6 and share.memory <= memory

    def _load(self, station: Station) -> float:
        return self._used.get(station.address, (0.0, 0))[0] / station.cores
