# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a farm could make of its workers: ``python -m benchmarks.farming [PACKAGES]``.

The code that decides in a build (``engine.schedule``, ``engine.farm.placing``) with a clock that jumps and
workers that build nothing. No schedule is shorter than the longest chain, nor than all work shared out evenly; how much
longer it is than the larger of these is printed.
"""

from __future__ import annotations

import heapq
import random
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from benchmarks.planning import make, make_base
from planex.engine.farm.placing import Need, Places, Station
from planex.engine.graph import build_graph
from planex.engine.schedule import Rooms, Schedule

Needs = Mapping[str, frozenset[str]]
Durations = Mapping[str, float]
_HOUR = 3600.0


def graph_of(count: int) -> tuple[Needs, Durations]:
    """As dense as a real distribution; most packages take half a minute, some take an hour."""
    graph, chance = build_graph(make(count, "distro"), make_base()), random.Random(count)
    return {name: graph.needs(name) for name in graph.order}, {
        name: min(_HOUR, chance.lognormvariate(3.5, 1.2)) for name in graph.order
    }


def weights_of(needs: Needs, seconds: Durations) -> dict[str, float]:
    """Seconds to the end of the longest chain that waits for each package."""
    weights: dict[str, float] = {}
    behind = dict.fromkeys(needs, 0.0)
    for name in reversed(list(needs)):
        weights[name] = seconds[name] + behind[name]
        for need in needs[name]:
            behind[need] = max(behind[need], weights[name])
    return weights


@dataclass
class Simulation:
    """One run. ``losses``: times at which a worker is lost, by its address; what it built begins anew elsewhere."""

    needs: Needs
    seconds: Durations
    rooms: Rooms
    losses: list[tuple[float, str]] = field(default_factory=list)
    _running: list[tuple[float, str]] = field(default_factory=list)
    _ends: dict[str, float] = field(default_factory=dict)
    _again: list[str] = field(default_factory=list)

    def run(self) -> float:
        """When all is built."""
        schedule, now = Schedule(self.needs, weights_of(self.needs, self.seconds), self.rooms), 0.0
        while True:
            self._again = [name for name in self._again if not self._begin_again(name, now)]
            for name in schedule.start():
                self._begin(name, now)
            if not self._running and not self._again:
                return now
            now, name = heapq.heappop(self._running)
            if self.losses and self.losses[0][0] <= now:
                heapq.heappush(self._running, (now, name))
                now = self._lose()
            elif self._ends.get(name) == now:
                schedule.ended(name, built=True)

    def _begin(self, name: str, now: float) -> None:
        self._ends[name] = now + self.seconds[name]
        heapq.heappush(self._running, (self._ends[name], name))

    def _begin_again(self, name: str, now: float) -> bool:
        if not self.rooms.enter(name):
            return False
        self._begin(name, now)
        return True

    def _lose(self) -> float:
        now, address = heapq.heappop(self.losses)
        assert isinstance(self.rooms, Places)
        self.rooms.drain(address, "lost")
        for name in list(self._ends):
            share = self.rooms.share(name)
            if share and share.station.address == address:
                self.rooms.leave(name)
                self._again.append(name)
                del self._ends[name]
        return now


def possible(needs: Needs, seconds: Durations, slots: int) -> float:
    """What no schedule is shorter than."""
    return max(*weights_of(needs, seconds).values(), sum(seconds.values()) / slots)


def farm_of(workers: int, each: int = 1) -> Places:
    """Workers that build so many packages at once."""
    stations = [Station(f"tcp://{number}", f"{number}", each, 1 << 33) for number in range(workers)]
    return Places(lambda package: Need(1.0), lambda: stations)


def lost(workers: int, part: float, hours: int, seed: int = 1) -> list[tuple[float, str]]:
    """Each hour a part of the workers, at any moment of it."""
    chance, left = random.Random(seed), list(range(workers))
    found = []
    for hour in range(hours):
        for number in chance.sample(left, int(part * len(left))):
            left.remove(number)
            found.append((_HOUR * (hour + chance.random()), f"tcp://{number}"))
    heapq.heapify(found)
    return found


def rows(count: int) -> Iterator[str]:
    """A line for each number of slots."""
    needs, seconds = graph_of(count)
    for slots in (1, 4, 16, 64, 256):
        started = time.process_time()
        made = Simulation(needs, seconds, farm_of(slots)).run()
        over, took = made / possible(needs, seconds, slots), time.process_time() - started
        yield f"{count} packages, {slots:4} slots: {made / _HOUR:7.2f} h, {over:.3f} of what is possible ({took:.1f} s)"
    workers = 1000
    made = Simulation(needs, seconds, farm_of(workers), lost(workers, 0.05, 24)).run()
    over = made / possible(needs, seconds, workers)
    yield f"{count} packages, {workers} workers, 5 % lost an hour: {made / _HOUR:.2f} h, {over:.3f} of what is possible"


if __name__ == "__main__":
    for size in map(int, sys.argv[1:] or ("139", "20000")):
        for row in rows(size):
            print(row, flush=True)
