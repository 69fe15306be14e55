# SPDX-License-Identifier: LGPL-2.1-or-later
"""What asks for what in a workspace, subpackage by subpackage. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from planex.engine.providers import Providers
from planex.reach import Reach, bits
from planex.rpm.capability import Capability, parts, unanswered
from planex.rpm.index import Index
from planex.rpm.spec import Package, Subpackage

Node = str | int
"""A package that is built, or (by the number of one of them) subpackages that are installed together."""


@dataclass(frozen=True, slots=True)
class Edge:
    """Why one package waits for another: ``wanted``, by its BuildRequires or by what ``requirer`` requires."""

    package: str
    needs: str
    wanted: Capability
    requirer: str | None = None

    @property
    def because(self) -> str:
        return f"{self.requirer} requires {self.wanted}" if self.requirer else f"BuildRequires {self.wanted}"


class Links:
    """The packages of a workspace, and which of their subpackages answer which requirement."""

    def __init__(
        self,
        packages: Mapping[str, Package],
        base: Index | None = None,
        bootstraps: Mapping[str, str] | None = None,
    ) -> None:
        """``base`` goes before what can only be guessed; ``bootstraps``: package to what can be built in its stead."""
        self._base = base
        self.packages = sorted(packages)
        self.bootstraps = dict(bootstraps or {})
        self.avoided: dict[str, dict[str, str | None]] = {}
        """Package to others whose results must not be in its buildroot, each with the package that serves instead.

        That is one that is built with ``bootstrap``; None where it is the base.
        """
        self.hints: dict[str, tuple[Capability, ...]] = {}
        """Package to what earlier builds of it asked for besides; it counts where something answers it."""
        self.cut: set[str] = set()
        """Packages that need nothing, for they cannot be built anyway."""
        self._parsed = packages
        self._number = {name: number for number, name in enumerate(self.packages)}
        self._subs: list[tuple[str, Subpackage]] = []
        self.providers: Providers[int] = Providers()
        self._stead: Providers[int] = Providers()
        stands_in = set(self.bootstraps.values())
        self._own = {
            name: [
                self._add(name, sub, self._stead if name in stands_in else self.providers)
                for sub in packages[name].subpackages
            ]
            for name in self.packages
        }
        self._needs: dict[str, int] = {}
        self._required: dict[int, list[tuple[int, Capability]]] = {}
        self._brings = Reach(lambda sub: [found for found, _ in self.required(sub)])

    def _add(self, name: str, sub: Subpackage, providers: Providers[int]) -> int:
        number = len(self._subs)
        self._subs.append((name, sub))
        providers.add(number, sub.provides, sub.files)
        return number

    def maker(self, sub: int) -> str:
        """The package that makes a subpackage."""
        return self._subs[sub][0]

    def bit(self, package: str) -> int:
        return 1 << self._number[package]

    def mask(self, packages: Iterable[str]) -> int:
        mask = 0
        for name in packages:
            mask |= self.bit(name)
        return mask

    def names(self, mask: int) -> frozenset[str]:
        return frozenset(self.packages[number] for number in bits(mask))

    def required(self, sub: int) -> list[tuple[int, Capability]]:
        """Subpackages of this workspace that a subpackage requires, and by which capability."""
        if sub not in self._required:
            self._required[sub] = self._answers(self._subs[sub][1].requires)
        return self._required[sub]

    def _answers(self, wanted: Iterable[Capability]) -> list[tuple[int, Capability]]:
        return [(sub, each) for each in wanted for part in parts(each) for sub in self.makers(part)]

    def makers(self, wanted: Capability) -> list[int]:
        """Subpackages that answer a plain requirement."""
        if found := self.providers.find(wanted):
            return found
        return [] if self.base_offers(wanted) else self.providers.perhaps(wanted)

    def wanted(self, package: str) -> list[tuple[int, Capability]]:
        """Subpackages that the BuildRequires of a package name."""
        return [] if package in self.cut else self._answers(self.build_requires(package) + self.likely(package))

    def build_requires(self, package: str) -> tuple[Capability, ...]:
        return self._parsed[package].build_requires

    def likely(self, package: str) -> tuple[Capability, ...]:
        """The hints of a package that something answers, here or in the base."""
        return tuple(hint for hint in self.hints.get(package, ()) if not unanswered(hint, self.offers))

    def offers(self, wanted: Capability) -> bool:
        """Whether a plain requirement is answered, here or in the base."""
        return bool(self.makers(wanted)) or self.base_offers(wanted)

    def base_offers(self, wanted: Capability) -> bool:
        return self._base is not None and self._base.offers(wanted)

    def nodes(self) -> Iterator[tuple[Node, list[Node]]]:
        """Every node and what must come before it."""
        for package in self.packages:
            if package in self.avoided:
                yield package, [edge.needs for edge in self.edges(package)]
            else:
                yield package, list(dict.fromkeys(self._groups[sub] for sub, _ in self.wanted(package)))
        for group, members in self._members.items():
            builds: list[Node] = [self.maker(sub) for sub in members]
            groups = [self._groups[other] for sub in members for other, _ in self.required(sub)]
            yield group, list(dict.fromkeys(node for node in [*builds, *groups] if node != group))

    @cached_property
    def _groups(self) -> list[int]:
        """Of each subpackage the first of those that require each other with it: what brings the same along."""
        first: dict[int, int] = {}
        return [first.setdefault(self._brings[sub], sub) for sub in range(len(self._subs))]

    @cached_property
    def _members(self) -> dict[int, list[int]]:
        found: dict[int, list[int]] = {}
        for sub, group in enumerate(self._groups):
            found.setdefault(group, []).append(sub)
        return found

    def needs(self, package: str) -> int:
        """A mask of the packages whose results go into a buildroot. To be asked when all circles are open."""
        if package not in self._needs:
            if package in self.avoided:
                self._needs[package] = self.mask(edge.needs for edge in self.edges(package))
            else:
                self._needs[package] = self._makers(self._brings.of([sub for sub, _ in self.wanted(package)]))
        return self._needs[package]

    def installed_with(self, package: str) -> int:
        """A mask of the packages that are installed with those that ``package`` makes, itself included."""
        return self._makers(self._brings.of(self._own[package]))

    def _makers(self, subs: int) -> int:
        return self.mask({self.maker(sub) for sub in bits(subs)})

    def asked(self, package: str, needed: str) -> set[Capability]:
        """All by which a package comes to have results of another in its buildroot."""
        direct = self.wanted(package)
        walked = bits(self._brings.of([sub for sub, _ in direct]))
        rows = [*direct, *(row for sub in walked for row in self.required(sub))]
        return {wanted for sub, wanted in rows if self.maker(sub) == needed}

    def _stands_in(self, package: str | None, wanted: Capability) -> list[int]:
        return [sub for part in parts(wanted) for sub in self._stead.find(part) if self.maker(sub) == package]

    def edges(self, package: str) -> list[Edge]:
        """Every need of a package with its reason, nearest first."""
        avoided = self.avoided.get(package, {})
        waiting: list[tuple[int, Capability, str | None]] = [(*answer, None) for answer in self.wanted(package)]
        found: dict[str, Edge] = {}
        seen = set()
        for sub, wanted, requirer in waiting:  # which grows meanwhile
            name, made = self._subs[sub]
            if name in avoided:
                waiting += [(other, wanted, requirer) for other in self._stands_in(avoided[name], wanted)]
            if sub in seen or name in avoided:
                continue
            seen.add(sub)
            found.setdefault(name, Edge(package, name, wanted, requirer))
            waiting += [(other, asked, made.name) for other, asked in self.required(sub)]
        return list(found.values())
