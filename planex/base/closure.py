# SPDX-License-Identifier: LGPL-2.1-or-later
"""Which packages the base holds and what each requires. Pure.

apt's closure also holds what Debian's own installation machinery needs (dpkg, debconf, ...); from the packages
that the definition names, only what is still required once those dependencies are dropped is kept.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from planex.base.control import DebPackage
from planex.errors import PlanexError


@dataclass(frozen=True, slots=True)
class Closure:
    """Packages sorted by name, and for each the names that it requires, sorted."""

    packages: tuple[DebPackage, ...]
    requires: Mapping[str, tuple[str, ...]]


def select(
    available: Iterable[DebPackage],
    roots: Collection[str],
    dropped: Collection[str],
    dropped_by: Mapping[str, Collection[str]] | None = None,
) -> Closure:
    """The packages reachable from ``roots``. Raises PlanexError for a dependency that nothing available satisfies.

    ``dropped``: names whose clauses are left out everywhere; ``dropped_by``: package -> names left out of its own.
    """
    by_name = {package.name: package for package in available}
    _check_roots(roots, by_name)
    chosen: dict[str, tuple[str, ...]] = {}
    provided: dict[str, str] = {}
    queue = sorted(roots)
    for root in queue:
        _provide(by_name[root], provided)
    while queue:
        package = by_name[queue.pop(0)]
        if package.name in chosen:
            continue
        _provide(package, provided)
        ignored = {*dropped, *(dropped_by or {}).get(package.name, ())}
        clauses = [clause for clause in package.depends if ignored.isdisjoint(clause)]
        needs = [_choose(package, clause, by_name, provided) for clause in clauses]
        chosen[package.name] = tuple(sorted(name for name, _ in needs))
        queue.extend(sorted(provider for _, provider in needs))
    return Closure(tuple(by_name[name] for name in sorted(chosen)), chosen)


def _check_roots(roots: Collection[str], by_name: Mapping[str, DebPackage]) -> None:
    missing = sorted(set(roots) - by_name.keys())
    if missing:
        raise PlanexError(
            f"the Debian archive has no package {', '.join(missing)}",
            "correct repos/<base>.yaml; virtual packages do not do",
        )


def _provide(package: DebPackage, provided: dict[str, str]) -> None:
    for name in (package.name, *package.provides):
        provided.setdefault(name, package.name)


def _choose(
    package: DebPackage, clause: tuple[str, ...], by_name: Mapping[str, DebPackage], provided: Mapping[str, str]
) -> tuple[str, str]:
    """The alternative to require and its provider: one that is there already, else the first that can be had."""
    for name in clause:
        if name in provided:
            return name, provided[name]
    for name in clause:
        if name in by_name:
            return name, name
    for name in clause:
        for candidate in sorted(by_name):
            if name in by_name[candidate].provides:
                return name, candidate
    raise PlanexError(
        f"{package.name} depends on {' | '.join(clause)}, which is not in the base",
        "name a package that provides it in a group of repos/<base>.yaml, or list it under drop_requires",
    )


def reach(closure: Closure, roots: Collection[str]) -> set[str]:
    """Names of the packages that ``roots`` need, themselves included, by the requirements that were chosen."""
    providers: dict[str, str] = {}
    for package in closure.packages:
        providers[package.name] = package.name
    for package in closure.packages:
        for name in package.provides:
            providers.setdefault(name, package.name)
    found: set[str] = set()
    queue = [providers[name] for name in sorted(roots)]
    while queue:
        name = queue.pop()
        if name not in found:
            found.add(name)
            queue.extend(providers[need] for need in closure.requires[name] if need in providers)
    return found
