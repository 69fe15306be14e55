# SPDX-License-Identifier: LGPL-2.1-or-later
"""How long plans take: ``python -m benchmarks.planning [PACKAGES ...]``, seconds of CPU time.

Shapes: a chain, the density of a real distribution (139 specs with 614 direct edges, 1,682 with what members require)
and a dense one (4,678 edges on 139). Every package has a stored result, so all is up to date. Results are in memory,
for reading them is the store's and not the plan's.
"""

from __future__ import annotations

import random
import resource
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from planex.content.key import Inputs
from planex.content.store import Result
from planex.engine.buildroot import Buildroots
from planex.engine.builtrpms import BuiltRpm
from planex.engine.graph import build_graph
from planex.engine.plan import Action, make_plan
from planex.rpm.capability import Capability
from planex.rpm.index import Index, IndexedPackage
from planex.rpm.spec import Package, Subpackage

DENSITY = {"chain": (1.0, 0.0), "distro": (4.4, 1.2), "dense": (33.7, 0.0)}
"""BuildRequires and run-time Requires of a package, on average."""


def make(count: int, shape: str) -> dict[str, Package]:
    """Packages of a shape, the same every time. What is required lies mostly near, as in a real distribution."""
    chance = random.Random(count)
    build, runtime = DENSITY[shape]
    packages = {}
    for number in range(count):
        name = f"p{number:05}"
        needs = {number - 1} if shape == "chain" and number else _some(chance, number, build)
        requires = _some(chance, number, runtime)
        packages[name] = _package(name, [f"p{need:05}-devel" for need in needs], [f"p{need:05}" for need in requires])
    return packages


def _some(chance: random.Random, number: int, average: float) -> set[int]:
    """Earlier packages: a third of them among the first thirty, which everything needs."""
    count = min(number, int(chance.expovariate(1 / average)) if average else 0)
    return {chance.randrange(min(number, 30) if chance.random() < 0.33 else number) for _ in range(count)}


def _package(name: str, build: list[str], requires: list[str]) -> Package:
    own = Capability(name, "=", "1-1")
    main = Subpackage(name, "1", "1", "x86_64", (own,), tuple(map(Capability, requires)), (f"/usr/bin/{name}",))
    devel = (Capability(f"{name}-devel", "=", "1-1"), Capability(f"pkgconfig({name})", "=", "1"))
    library = Subpackage(f"{name}-devel", "1", "1", "x86_64", devel, (own,), ())
    wanted = tuple(map(Capability, ["gcc", "make", *build]))
    return Package(name, None, "1", "1", "x86_64", 0, wanted, (), (main, library))


def make_base() -> Index:
    """Three hundred packages, each of which requires a few others."""
    chance = random.Random(1)
    names = ["gcc", "make", "bash", *(f"base{number}" for number in range(297))]
    return Index([_of_base(name, [Capability(chance.choice(names)) for _ in range(3)]) for name in names])


def _of_base(name: str, requires: list[Capability]) -> IndexedPackage:
    return IndexedPackage(name, "1-1", f"digest {name}", (Capability(name, "=", "1-1"),), tuple(requires), (), "", 1)


class Memory:
    """Keys, and a history in which every package was built from just these (see ``planex.engine.plan``)."""

    def __init__(self, packages: Mapping[str, Package], buildroots: Buildroots) -> None:
        self._packages = packages
        self._buildroots = buildroots
        self._inputs: dict[str, Inputs] = {}

    def own(self, package: str) -> Inputs:
        return Inputs.of({"spec": package})

    def whole(self, package: str) -> Inputs:
        rows = self._buildroots.of(package, self._packages[package].build_requires).rows
        self._inputs[package] = self.own(package) | rows
        return self._inputs[package]

    def settle(self, package: str, result: Result) -> bool:
        self._buildroots.settle(package, tuple(map(_made, self._packages[package].subpackages)))
        return True

    def offer(self, package: str, key: str) -> str:
        return ""

    def changes(self, package: str, old: Result, new: Inputs, *, pending: bool) -> tuple[str, ...]:
        return ()

    def last(self, package: str) -> Result | None:
        inputs = self._inputs.get(package, self.own(package))
        return Result(Path(inputs.key), inputs, {f"{package}.rpm": package}, {}, 10.0, "sandbox", 0, {})

    def find(self, package: str, key: str) -> Result | None:
        return Result(Path(key), self._inputs[package], {f"{package}.rpm": package}, {}, 10.0, "sandbox", 0, {})

    def damage(self, package: str, key: str) -> str | None:
        return None


def _made(sub: Subpackage) -> BuiltRpm:
    return BuiltRpm(sub.name, f"{sub.name} 1", sub.provides, (*sub.requires, Capability("bash")), sub.files)


def measure(count: int, shape: str) -> str:
    packages, base = make(count, shape), make_base()
    started = time.process_time()
    graph = build_graph(packages, base)
    ordered = time.process_time()
    buildroots = Buildroots(graph, base, [Capability("bash")])
    memory = Memory(packages, buildroots)
    plan = make_plan(graph, list(packages), memory, memory)
    ended = time.process_time()
    assert len(plan.steps) == count
    assert not any(step.action is Action.BUILD for step in plan.steps)
    edges = sum(len(step.needs) for step in plan.steps)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return f"{shape:8} {count:7,} {edges:9,} {ordered - started:8.2f} {ended - ordered:8.2f} {peak:8.0f}"


def main() -> None:
    """Print a table."""
    print("shape   packages     edges  graph s   plan s  peak MiB")
    for shape in DENSITY:
        for count in [int(word) for word in sys.argv[1:]] or [139, 1000, 10000]:
            if shape == "dense" and count > 1000:
                continue
            print(measure(count, shape), flush=True)


if __name__ == "__main__":
    main()
