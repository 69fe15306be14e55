# SPDX-License-Identifier: LGPL-2.1-or-later
"""What is built next: as soon as all that it needs is done, longest remaining path first, where there is room. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from graphlib import TopologicalSorter
from heapq import heappop, heappush
from typing import Protocol

_LOOKED_AT = 32
"""Packages without room, after which no more are asked for: those behind them are less urgent."""


class Rooms(Protocol):
    """Where packages are built."""

    @property
    def full(self) -> bool:
        """Whether nothing more has room."""

    def enter(self, package: str) -> bool:
        """Whether there is room for a package now, which it then has."""

    def leave(self, package: str) -> None:
        """Its room is free again."""


def usual_jobs(cores: int) -> int:
    """Packages at once on so many cores: two where there are two, one more for each further four."""
    return 1 if cores <= 1 else 2 + (cores - 2) // 4


@dataclass
class LocalRooms:
    """This machine: ``jobs`` packages at once, whatever they are."""

    jobs: int
    _busy: int = 0

    @property
    def full(self) -> bool:
        return self._busy >= self.jobs

    def enter(self, package: str) -> bool:
        self._busy += 1
        return True

    def leave(self, package: str) -> None:
        self._busy -= 1


class Schedule:
    """One run through a graph."""

    def __init__(self, needs: Mapping[str, Collection[str]], weights: Mapping[str, float], rooms: Rooms) -> None:
        """``needs``: what must be built before each package; ``weights``: seconds of the longest way that waits."""
        self._order = TopologicalSorter(needs)
        self._order.prepare()
        self._weights, self._rooms = weights, rooms
        self._ready: list[tuple[float, str]] = []

    def start(self) -> list[str]:
        """What is to begin now; ``ended`` must be told of each."""
        for name in self._order.get_ready():
            if name in self._weights:
                heappush(self._ready, (-self._weights[name], name))
        started: list[str] = []
        waiting: list[tuple[float, str]] = []
        while self._ready and len(waiting) < _LOOKED_AT and not self._rooms.full:
            item = heappop(self._ready)
            if self._rooms.enter(item[1]):
                started.append(item[1])
            else:
                waiting.append(item)
        for item in waiting:
            heappush(self._ready, item)
        return started

    @property
    def waiting(self) -> bool:
        """Whether something could begin, had it room."""
        return bool(self._ready)

    def ended(self, package: str, *, built: bool) -> None:
        """What needs a package that was not built never becomes ready."""
        self._rooms.leave(package)
        if built:
            self._order.done(package)
