# SPDX-License-Identifier: LGPL-2.1-or-later
"""Why a package is built, in sentences. Pure: plans and differences in, text out."""

from __future__ import annotations

from collections.abc import Sequence

from planex.engine.plan import Action, Plan, Step
from planex.engine.since import Changes
from planex.units import many

_IN_LINE = 3
"""Reasons that go into a sentence; more get a line each."""
_PENDING = "dependency "


def why_text(package: str, plan: Plan, result: str) -> str:
    """A sentence for a package, and one for each that it waits for. ``result``: the one in use, in words, or empty."""
    steps = {step.package: step for step in plan.steps}
    waits = [name for name in steps if name != package and steps[name].action is Action.BUILD]
    own = [_fate(steps[package]), *_compared(steps[package], result)]
    return "\n".join([*own, *(_fate(steps[name]) for name in waits)])


def since_text(package: str, commit: str, changes: Changes) -> str:
    """What is not as it was at a commit."""
    if not changes:
        return f"{package} and all that it needs are what they were at {commit}."
    own, others = changes.get(package, ()), [name for name in changes if name != package]
    lines = [_listed(f"{package} is not what it was at {commit}", own)] if own else []
    if not own:
        lines = [f"{package} itself is what it was at {commit}, but not all that it needs."]
    return "\n".join([*lines, *(_listed(f"{name}, which it needs, changed", changes[name]) for name in others)])


def _fate(step: Step) -> str:
    name, reasons = step.package, step.reasons
    if step.action is Action.KEEP:
        return f"{name} is up to date."
    if step.action is Action.REUSE:
        return f"{name} needs no build: an earlier result was made from the same."
    if step.action is Action.TAKE:
        return f"{name} needs no build: it comes {reasons[0]}."
    if reasons[:1] == ("new",):
        return f"{name} is to be built: no result of it is here."
    if all(reason.startswith(_PENDING) for reason in reasons):
        waits = [reason.removeprefix(_PENDING).removesuffix(" is to be rebuilt") for reason in reasons]
        return f"{name} itself has not changed; it is built again if what it needs comes out otherwise: {_and(waits)}."
    return _listed(f"{name} is to be built", reasons)


def _compared(step: Step, result: str) -> list[str]:
    """With what the package was held against."""
    if not result or step.action in (Action.REUSE, Action.TAKE):
        return []
    return [f"  {'made from the same' if step.action is Action.KEEP else 'compared with'}: {result}"]


def _listed(sentence: str, reasons: Sequence[str]) -> str:
    if len(reasons) <= _IN_LINE:
        return f"{sentence}: {_and(reasons)}."
    return "\n".join([f"{sentence} for {many(len(reasons), 'reason')}:", *(f"  {reason}" for reason in reasons)])


def _and(words: Sequence[str]) -> str:
    return " and ".join(filter(None, [", ".join(words[:-1]), words[-1]]))
