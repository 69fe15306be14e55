# SPDX-License-Identifier: LGPL-2.1-or-later
"""What is in a package's buildroot: RPMs of this workspace, by what they really require, and packages of the base.

They are rows of the rebuild key, and no other RPM of this workspace is offered to the build. Of the base they are what
its metadata say may come along: where several packages answer one requirement all count, for dnf takes one of them.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from planex.content import records
from planex.engine.builtrpms import BuiltRpm
from planex.engine.graph import Graph
from planex.engine.providers import Providers
from planex.rpm.capability import Capability, parts
from planex.rpm.index import Index

_RECORD = "base.json"
_FORMAT = 1

BasePackages = tuple[tuple[str, str], ...]
"""Names of base packages, sorted, each with its version and the digest of its RPM."""


@dataclass(frozen=True, slots=True)
class Buildroot:
    """What may be installed to build a package. ``made``: package and RPM, of those that come before it."""

    made: tuple[tuple[str, BuiltRpm], ...]
    base: BasePackages | None
    """None where the base is not known."""
    base_digest: str = ""

    @property
    def rows(self) -> dict[str, str]:
        """Rows of the rebuild key."""
        rows = {f"dependency {made.name}": made.digest for _, made in self.made}
        return rows | {"base packages": self.base_digest} if self.base is not None else rows


@dataclass(frozen=True, slots=True)
class KeptBase:
    """The base packages of a result's buildroot, as they lie beside the result."""

    packages: BasePackages


def write_base(folder: Path, buildroot: Buildroot) -> None:
    """Keep in a result's folder which base packages its buildroot had, so that a change can be told by name."""
    if buildroot.base is not None:
        records.save(folder / _RECORD, KeptBase(buildroot.base), _FORMAT)


def read_base(folder: Path) -> BasePackages | None:
    """What write_base wrote, or None."""
    kept = records.load(folder / _RECORD, KeptBase, _FORMAT)
    return kept.packages if kept else None


def base_changes(old: BasePackages, new: BasePackages) -> list[str]:
    """What changed in the base, package by package, in words."""
    before, after = dict(old), dict(new)
    changes = []
    for name in sorted(before.keys() | after.keys()):
        was, now = (side.get(name, "").partition(" ")[0] for side in (before, after))
        if not was or not now:
            changes.append(f"base package {name} {now or was} {'added' if now else 'removed'}")
        elif before[name] != after[name]:
            changes.append(f"base package {name} {was} {'changed' if was == now else f'-> {now}'}")
    return changes


class Buildroots:
    """Buildroots of a workspace's packages, as far as the results that they need are known."""

    def __init__(self, graph: Graph, base: Index | None, setup: Iterable[Capability]) -> None:
        """``setup``: what every buildroot starts with; where the base lacks that name (a group), all of it counts."""
        self._graph = graph
        self._base = base
        self._empty = 0
        if base:
            setup = list(setup)
            self._empty = base.comes_with(setup) if all(map(base.offers, setup)) else base.everything
        self._known: dict[str, tuple[BuiltRpm, ...]] = {}
        self._providers: Providers[tuple[str, BuiltRpm]] = Providers(guess=False)
        self._sets: dict[int, tuple[BasePackages, str]] = {}
        self._lock = threading.Lock()

    def settle(self, package: str, made: tuple[BuiltRpm, ...]) -> None:
        """Tell what a package made; what was told before is forgotten."""
        with self._lock:
            self._known[package] = made
            for each in made:
                self._providers.add((package, each), each.provides, each.files)

    def of(self, package: str, build_requires: Iterable[Capability]) -> Buildroot:
        """The buildroot of a package; all that comes before it must be settled."""
        found: dict[str, tuple[str, BuiltRpm]] = {}
        asked: set[Capability] = set()
        waiting = [part for each in build_requires for part in parts(each)]
        mask = self._empty
        for wanted in waiting:  # which grows meanwhile
            if wanted in asked:
                continue
            asked.add(wanted)
            answers = self._answers(wanted, package)
            if self._base is not None:
                mask |= self._base.comes_with([wanted], [made.name for _, made in answers])
            for maker, made in answers:
                if made.name not in found:
                    found[made.name] = (maker, made)
                    waiting += [part for each in made.requires for part in parts(each)]
        rpms = tuple(found[name] for name in sorted(found))
        return Buildroot(rpms, *self._named(mask)) if self._base else Buildroot(rpms, None)

    def _answers(self, wanted: Capability, package: str) -> list[tuple[str, BuiltRpm]]:
        with self._lock:
            found = self._providers.find(wanted)
            return [
                (maker, made)
                for maker, made in found
                if self._graph.may_have(package, maker) and made in self._known[maker]
            ]

    def _named(self, mask: int) -> tuple[BasePackages, str]:
        """The base packages of a mask, and one digest of them."""
        if mask not in self._sets:
            assert self._base is not None
            chosen = self._base.chosen(mask)
            packages = tuple(sorted((package.name, f"{package.evr} {package.digest}") for package in chosen))
            self._sets[mask] = packages, hashlib.sha256(json.dumps(packages).encode()).hexdigest()
        return self._sets[mask]
