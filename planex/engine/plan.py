# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a build will do, and why. Pure: graph, inputs and earlier results in, a Plan out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum

from planex.content.key import Inputs, differences
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


@dataclass(frozen=True, slots=True)
class Step:
    """One package of a plan. ``needs``: packages of the plan that must be done before."""

    package: str
    action: Action
    reasons: tuple[str, ...]
    needs: tuple[str, ...]
    weight: float
    """Seconds to the end of the longest chain that waits for this package, from past builds."""

    @property
    def reason(self) -> str:
        return "; ".join(self.reasons[:3]) + (f"; {len(self.reasons) - 3} more" if len(self.reasons) > 3 else "")


@dataclass(frozen=True, slots=True)
class Plan:
    """Steps in an order in which they can be done."""

    steps: tuple[Step, ...]

    @property
    def builds(self) -> tuple[Step, ...]:
        return tuple(step for step in self.steps if step.action is Action.BUILD)

    @property
    def changes(self) -> bool:
        return any(step.action is not Action.KEEP for step in self.steps)


@dataclass(frozen=True, slots=True)
class History:
    """What is known of earlier builds: what is written of the ``current`` result of each package, and a look-up by key.

    ``find`` gives whole results only; ``damage`` says in words why one that was there does not serve.
    """

    current: Mapping[str, Result]
    find: Callable[[str, str], Result | None]
    damage: Callable[[str, str], str | None] = lambda package, key: None


InputsOf = Callable[[str, Mapping[str, str]], Inputs]
"""Inputs of a package, given the digests of what its dependencies made."""


def make_plan(
    graph: Graph, wanted: Iterable[str], inputs_of: InputsOf, history: History, *, force: Iterable[str] = ()
) -> Plan:
    """Decide for ``wanted`` and all they need. ``force``: packages to build whatever their key."""
    scope = graph.closure(wanted)
    forced = set(force)
    digests: dict[str, str] = {}
    decided: dict[str, tuple[Action, tuple[str, ...]]] = {}
    for package in (name for name in graph.order if name in scope):
        needs = graph.buildroot(package)
        pending = tuple(f"dependency {name} is to be rebuilt" for name in sorted(needs) if name not in digests)
        inputs = inputs_of(package, {name: digests.get(name, "") for name in needs})
        action, reasons, result = _decide(package, inputs, pending, history, package in forced)
        if result is not None:
            digests[package] = result.digest
        decided[package] = (action, reasons)
    return Plan(_steps(graph, decided, history))


def _decide(
    package: str, inputs: Inputs, pending: tuple[str, ...], history: History, forced: bool
) -> tuple[Action, tuple[str, ...], Result | None]:
    current = history.current.get(package)
    if forced:
        return Action.BUILD, ("asked for by --force",), None
    if not pending and (result := history.find(package, inputs.key)) is not None:
        if current is not None and current.key == result.key:
            return Action.KEEP, ("up to date",), result
        return Action.REUSE, ("built before from the same inputs",), result
    if not pending and (damage := history.damage(package, inputs.key)) is not None:
        return Action.BUILD, (damage,), None
    if current is None:
        return Action.BUILD, ("new", *pending), None
    own = tuple(change for change in differences(current.inputs, inputs) if not pending or "dependency" not in change)
    return Action.BUILD, (own + pending) or ("the earlier result is gone",), None


def _steps(graph: Graph, decided: Mapping[str, tuple[Action, tuple[str, ...]]], history: History) -> tuple[Step, ...]:
    weights: dict[str, float] = {}
    for package in reversed([name for name in graph.order if name in decided]):
        result = history.current.get(package)
        own = (result.seconds if result else UNKNOWN_SECONDS) if decided[package][0] is Action.BUILD else 0.0
        behind = [weights[name] for name in graph.dependents(package) if name in weights]
        weights[package] = own + max(behind, default=0.0)
    return tuple(
        Step(package, action, reasons, tuple(sorted(graph.needs(package))), weights[package])
        for package, (action, reasons) in decided.items()
    )
