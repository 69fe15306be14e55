# SPDX-License-Identifier: LGPL-2.1-or-later
"""Two results of a package: which RPMs differ, how, and what made them differ."""

from __future__ import annotations

import filecmp
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from planex.content.key import differences
from planex.content.store import Result, Store
from planex.errors import ConfigError, PlanexError
from planex.rpm.compare import compare_rpms
from planex.rpm.nevra import parse_nevra
from planex.rpm.unlike import unlike_rpms

_DIGITS = 12


@dataclass(frozen=True, slots=True)
class RpmChange:
    """An RPM of two results. ``lines``: what differs, as ``planex.rpm.compare`` says it."""

    name: str
    lines: tuple[str, ...]


def choose_results(store: Store, package: str, keys: tuple[str, ...]) -> tuple[Result, Result]:
    """The two that begin with these keys; one is compared with the one in use, none: the newest other one."""
    folders = [folder.name for name, folder in store.results() if name == package]
    found = [result for key in folders if (result := store.find(package, key))]
    chosen = [_one(package, found, key) for key in keys]
    if len(chosen) > 1:
        return chosen[0], chosen[1]
    current = store.current(package)
    if current is None:
        raise PlanexError(f"{package} has no result that is in use", f"planex build {package}")
    if chosen:
        return chosen[0], current
    others = sorted((each for each in found if each.key != current.key), key=lambda each: each.finished)
    if not others:
        raise PlanexError(f"the store has one result of {package} only", "planex store list shows what there is")
    return others[-1], current


def _one(package: str, results: list[Result], start: str) -> Result:
    found = [each for each in results if each.key.startswith(start)]
    if len(found) != 1:
        there = ", ".join(each.key[:_DIGITS] for each in results)
        count = "several results" if found else "no result"
        raise ConfigError(f"{package} has {count} whose key begins with '{start}'", f"there are: {there}")
    return found[0]


def reasons(old: Result, new: Result) -> tuple[str, ...]:
    """What of that which went into them is not the same."""
    return differences(old.inputs, new.inputs)


def compare(old: Mapping[str, Path], new: Mapping[str, Path]) -> Iterator[RpmChange]:
    """File name to file of RPMs; those of the same package and architecture are held against each other."""
    before, after = ({_package(name): name for name in side} for side in (old, new))
    for key in sorted(before.keys() | after.keys()):
        if key not in after:
            yield RpmChange(before[key], ("- the whole package",))
        elif key not in before:
            yield RpmChange(after[key], ("+ the whole package",))
        elif lines := _lines(old[before[key]], new[after[key]]):
            yield RpmChange(after[key], lines)


def _package(file_name: str) -> tuple[str, str]:
    """Name and architecture."""
    found = parse_nevra(file_name)
    return found.name, found.arch


def _lines(old: Path, new: Path) -> tuple[str, ...]:
    with old.open("rb") as one, new.open("rb") as other:
        if lines := tuple(compare_rpms(one, other)):
            return lines
        return () if filecmp.cmp(old, new, shallow=False) else (f"! {unlike_rpms(one, other)}",)
