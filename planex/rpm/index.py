# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a repository offers, and what comes along with it: its metadata as an index. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass, replace
from functools import cached_property
from typing import Any

from planex.reach import Reach, bits
from planex.rpm.capability import Capability, parts, satisfies, unanswered


@dataclass(frozen=True, slots=True)
class IndexedPackage:
    """An RPM of a repository. ``evr``: ``[epoch:]version-release``; ``digest``: its SHA-256; ``files``: no folders."""

    name: str
    evr: str
    digest: str
    provides: tuple[Capability, ...]
    requires: tuple[Capability, ...]
    files: tuple[str, ...]
    location: str
    """Path below the repository."""
    size: int
    """Bytes of the RPM."""


Rows = list[list[Any]]
"""Packages as JSON has them: their fields in order."""


def to_rows(packages: Iterable[IndexedPackage]) -> Rows:
    return [list(astuple(package)) for package in packages]


def from_rows(rows: Rows) -> tuple[IndexedPackage, ...]:
    """What to_rows wrote. ValueError or TypeError for anything else."""
    return tuple(_from_row(*row) for row in rows)


def _from_row(
    name: str, evr: str, digest: str, provides: Rows, requires: Rows, files: list[str], location: str, size: int
) -> IndexedPackage:
    offers, needs = (tuple(Capability(*each) for each in rows) for rows in (provides, requires))
    return IndexedPackage(name, evr, digest, offers, needs, tuple(files), location, size)


class Index:
    """The packages of a repository by what they provide."""

    def __init__(self, packages: Sequence[IndexedPackage], *, latest_only: bool = False) -> None:
        """``latest_only``: the repository may have older versions than these, and dnf may take one of them."""
        self._latest_only = latest_only
        self.packages = packages
        self._reach = Reach(self._needs)

    @cached_property
    def names(self) -> frozenset[str]:
        return frozenset(package.name for package in self.packages)

    @cached_property
    def providers(self) -> Mapping[str, frozenset[str]]:
        """Capability (without its version) to the packages that provide it."""
        return {name: frozenset(self.packages[at].name for at, _ in found) for name, found in self._provides.items()}

    @cached_property
    def owners(self) -> Mapping[str, frozenset[str]]:
        """Path of a file to the packages that have it."""
        return {path: frozenset(self.packages[at].name for at in found) for path, found in self._files.items()}

    @cached_property
    def locations(self) -> Mapping[str, int]:
        """Path below the repository to size in bytes."""
        return {package.location: package.size for package in self.packages}

    def offers(self, wanted: Capability) -> bool:
        """Whether a requirement, be it rich, can be had here."""
        return not unanswered(wanted, lambda each: bool(self._who(each)))

    def versions(self, name: str) -> list[Capability]:
        """What is provided under a name, whatever the version."""
        return [have for _, have in self._provides.get(name, [])]

    @property
    def everything(self) -> int:
        return (1 << len(self.packages)) - 1

    def comes_with(self, wanted: Iterable[Capability], without: Collection[str] = ()) -> int:
        """A mask of all packages that ``wanted`` may bring into a root: every provider, and all that these require.

        More than dnf will choose where several packages provide one thing. ``without``: names of providers that others
        of the same name go before.
        """
        found = [at for each in wanted for part in parts(each) for at in self._who(part)]
        return self._reach.of([at for at in found if self.packages[at].name not in without])

    def chosen(self, mask: int) -> list[IndexedPackage]:
        return [self.packages[at] for at in bits(mask)]

    @cached_property
    def _provides(self) -> dict[str, list[tuple[int, Capability]]]:
        found: dict[str, list[tuple[int, Capability]]] = {}
        for at, package in enumerate(self.packages):
            for have in package.provides:
                found.setdefault(have.name, []).append((at, have))
        return found

    @cached_property
    def _files(self) -> dict[str, list[int]]:
        found: dict[str, list[int]] = {}
        for at, package in enumerate(self.packages):
            for path in package.files:
                found.setdefault(path, []).append(at)
        return found

    def _who(self, wanted: Capability) -> list[int]:
        found = [at for at, have in self._provides.get(wanted.name, []) if satisfies(have, wanted)]
        if not found and wanted.name.startswith("/"):
            return self._files.get(wanted.name, [])
        if not found and self._latest_only and wanted.operator in ("<", "<=", "="):
            older = replace(wanted, operator="<")
            return [at for at, have in self._provides.get(wanted.name, []) if not satisfies(have, older)]
        return found

    def _needs(self, at: int) -> list[int]:
        wanted = [part for each in self.packages[at].requires for part in parts(each)]
        return [found for part in wanted for found in self._who(part)]
