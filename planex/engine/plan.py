# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a build will do, and why. Pure: graph, inputs and earlier results in, a Plan out."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from planex.content.key import Inputs
from planex.content.store import Result
from planex.engine.graph import Graph

UNKNOWN_SECONDS = 60.0
"""Guess for a package that was never built, when choosing what to start first."""


class Action(Enum):
    """What happens to a package."""

    BUILD = "build"
    REUSE = "reuse"
    """An earlier result with the same key becomes the current one again."""
    KEEP = "keep"
    TAKE = "take"
    """A shared store has a result with the same key."""


@dataclass(frozen=True, slots=True)
class Step:
    """One package of a plan. ``needs``: packages of the plan that must be done before."""

    package: str
    action: Action
    reasons: tuple[str, ...]
    needs: tuple[str, ...]
    weight: float
    """Seconds to the end of the longest chain that waits for this package, from past builds."""
    seconds: float = 0.0
    """What its last build took; 0 if it is not to be built, or never was."""
    forced: bool = False
    """It is built whatever its key."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Steps in an order in which they can be done, and what a person should know of them."""

    steps: tuple[Step, ...]
    notes: tuple[tuple[str, str], ...] = ()
    """Package and sentence."""

    @property
    def builds(self) -> tuple[Step, ...]:
        return tuple(step for step in self.steps if step.action is Action.BUILD)

    @property
    def takes(self) -> tuple[Step, ...]:
        return tuple(step for step in self.steps if step.action is Action.TAKE)

    @property
    def changes(self) -> bool:
        return any(step.action is not Action.KEEP for step in self.steps)


class History(Protocol):
    """What is known of earlier builds."""

    def last(self, package: str) -> Result | None:
        """What is written of the result in use, be it whole or not."""

    def find(self, package: str, key: str) -> Result | None:
        """The result with this key, if it is whole."""

    def damage(self, package: str, key: str) -> str | None:
        """Why one that was there does not serve, in words."""


class Keys(Protocol):
    """What goes into packages."""

    def own(self, package: str) -> Inputs:
        """All but what is installed to build it."""

    def whole(self, package: str) -> Inputs:
        """All; the results that it needs must be settled."""

    def settle(self, package: str, result: Result) -> bool:
        """Tell that a package's result will be this one; whether it serves."""

    def offer(self, package: str, key: str) -> str:
        """Which shared store has a result with this key, which is settled then; empty where none has."""

    def changes(self, package: str, old: Result, new: Inputs, *, pending: bool) -> tuple[str, ...]:
        """What changed since a result, in words; ``pending``: in what is the package's own."""


def make_plan(
    graph: Graph, wanted: Iterable[str], keys: Keys, history: History, *, force: Collection[str] = ()
) -> Plan:
    """Decide for ``wanted`` and all they need. ``force``: packages to build whatever their key."""
    scope = graph.closure(wanted)
    settled: set[str] = set()
    decided: dict[str, tuple[Action, tuple[str, ...]]] = {}
    for package in (name for name in graph.order if name in scope):
        pending = tuple(f"dependency {name} is to be rebuilt" for name in sorted(graph.needs(package) - settled))
        decided[package] = _decide(package, keys, pending, history, package in force)
        if decided[package][0] is not Action.BUILD:
            settled.add(package)
    notes = tuple((item.package, str(item)) for item in graph.opened if item.package in scope)
    return Plan(_steps(graph, decided, history, force), notes)


def _decide(
    package: str, keys: Keys, pending: tuple[str, ...], history: History, forced: bool
) -> tuple[Action, tuple[str, ...]]:
    if forced:
        return Action.BUILD, ("asked for by --force",)
    current = history.last(package)
    inputs = keys.own(package) if pending else keys.whole(package)
    if unknown := tuple(f"{label} has no checksum yet" for label in inputs.unknown):
        return Action.BUILD, unknown
    if not pending and (result := history.find(package, inputs.key)) is not None and keys.settle(package, result):
        if current is not None and current.key == result.key:
            return Action.KEEP, ("up to date",)
        return Action.REUSE, ("built before from the same inputs",)
    if not pending and (store := keys.offer(package, inputs.key)):
        return Action.TAKE, (f"from store {store}",)
    if not pending and (damage := history.damage(package, inputs.key)) is not None:
        return Action.BUILD, (damage,)
    if current is None:
        return Action.BUILD, ("new", *pending)
    changes = (*keys.changes(package, current, inputs, pending=bool(pending)), *pending)
    return Action.BUILD, changes or ("the earlier result is gone",)


def _steps(
    graph: Graph, decided: dict[str, tuple[Action, tuple[str, ...]]], history: History, force: Collection[str]
) -> tuple[Step, ...]:
    weights: dict[str, float] = {}
    needs = {package: sorted(graph.needs(package)) for package in decided}
    behind, took = dict.fromkeys(decided, 0.0), dict.fromkeys(decided, 0.0)
    for package in reversed(decided):
        result = history.last(package) if decided[package][0] is Action.BUILD else None
        took[package] = result.seconds if result else 0.0
        own = (result.seconds if result else UNKNOWN_SECONDS) if decided[package][0] is Action.BUILD else 0.0
        weights[package] = own + behind[package]
        for need in needs[package]:
            behind[need] = max(behind[need], weights[package])
    return tuple(
        Step(package, action, reasons, tuple(needs[package]), weights[package], took[package], package in force)
        for package, (action, reasons) in decided.items()
    )
