# SPDX-License-Identifier: LGPL-2.1-or-later
"""Which package needs which to be built. Pure: parsed packages in, edges and order out.

An edge A -> B means that a buildroot for A must hold a package that B makes: named by A's BuildRequires, or by the
Requires of what those pull in, by name, Provides, ``pkgconfig()`` or path.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise

from planex.errors import ConfigError
from planex.rpm.librpm import compare_versions
from planex.rpm.spec import Capability, Package, Subpackage
from planex.schema import did_you_mean

_PKGCONFIG = re.compile(r"^pkgconfig\((.+)\)$")
_RICH_WORD = re.compile(r"[^\s()<>=]+(?:\([^()\s]*\)(?:\([^()\s]*\))?)?")
_RICH_OPERATORS = {"and", "or", "if", "else", "with", "without", "unless"}


@dataclass(frozen=True, slots=True)
class Edge:
    """Why one package waits for another: the capability that it asks for."""

    package: str
    needs: str
    because: str


@dataclass(frozen=True, slots=True)
class Graph:
    """Packages in an order in which they can be built, and what each waits for."""

    order: tuple[str, ...]
    edges: tuple[Edge, ...]

    def needs(self, package: str) -> frozenset[str]:
        """Packages whose results go into the buildroot of ``package``."""
        return frozenset(edge.needs for edge in self.edges if edge.package == package)

    def buildroot(self, package: str) -> frozenset[str]:
        """Packages whose results may be installed to build ``package``: what it needs, and all that those need."""
        return self.closure([package]) - {package}

    def closure(self, packages: Iterable[str]) -> frozenset[str]:
        """``packages`` and all that they need, directly or not."""
        wanted = set(packages)
        for package in reversed(self.order):
            if package in wanted:
                wanted |= self.needs(package)
        return frozenset(wanted)

    def dependents(self, package: str) -> frozenset[str]:
        return frozenset(edge.package for edge in self.edges if edge.needs == package)


Offers = Callable[[str], bool]


def build_graph(packages: Mapping[str, Package], base_offers: Offers | None) -> Graph:
    """Order the packages. ``base_offers`` tells what the base provides; None where that is not known.

    Raises ConfigError for packages made twice, names that nothing provides, and cycles, each with its path.
    """
    index = _Index(packages)
    _refuse_duplicates(packages)
    edges: dict[tuple[str, str], Edge] = {}
    unknown: list[str] = []
    for name, package in packages.items():
        for capability in package.build_requires:
            if not index.known(capability, base_offers):
                unknown.append(index.explain(name, capability))
            for edge in index.edges_from(name, capability):
                edges.setdefault((edge.package, edge.needs), edge)
    if unknown:
        raise ConfigError(
            "\n".join(unknown), "add a package that provides it, or the base package to repos/<base>.yaml"
        )
    ordered = tuple(sorted(edges.values(), key=lambda edge: (edge.package, edge.needs)))
    return Graph(_sort(packages, ordered), ordered)


class _Index:
    """Who in the workspace provides what."""

    def __init__(self, packages: Mapping[str, Package]) -> None:
        self._providers: dict[str, list[tuple[str, Subpackage, Capability]]] = {}
        self._files: list[tuple[str, Subpackage]] = []
        for name, package in packages.items():
            for sub in package.subpackages:
                self._files.append((name, sub))
                for provide in sub.provides:
                    self._providers.setdefault(provide.name, []).append((name, sub, provide))

    def find(self, wanted: Capability) -> list[tuple[str, Subpackage]]:
        """In-tree subpackages that satisfy a capability."""
        found = [(name, sub) for name, sub, have in self._providers.get(wanted.name, []) if satisfies(have, wanted)]
        if match := _PKGCONFIG.match(wanted.name):
            found += self._with_file(f"*/pkgconfig/{match.group(1)}.pc")
        elif wanted.name.startswith("/"):
            found += self._with_file(wanted.name)
        return found

    def _with_file(self, path: str) -> list[tuple[str, Subpackage]]:
        return [(name, sub) for name, sub in self._files if any(_same_path(path, file) for file in sub.files)]

    def known(self, wanted: Capability, base_offers: Offers | None) -> bool:
        return base_offers is None or wanted.name.startswith("(") or bool(self.find(wanted)) or base_offers(wanted.name)

    def explain(self, package: str, wanted: Capability) -> str:
        """Why nothing satisfies a BuildRequires."""
        wrong = [f"{name} makes {have}" for name, _, have in self._providers.get(wanted.name, [])]
        detail = f", but {wrong[0]}" if wrong else did_you_mean(wanted.name, list(self._providers))
        return f"specs/{package}: BuildRequires {wanted}: nothing here or in the base provides it{detail}"

    def edges_from(self, package: str, wanted: Capability) -> Iterable[Edge]:
        """Edges for a BuildRequires and for the Requires of what it pulls in."""
        stack = [(part, f"BuildRequires {part}") for part in _parts(wanted)]
        seen: set[tuple[str, str]] = set()
        while stack:
            capability, because = stack.pop()
            for name, sub in self.find(capability):
                if (name, sub.name) in seen:
                    continue
                seen.add((name, sub.name))
                if name != package or because.startswith("BuildRequires"):
                    yield Edge(package, name, because)
                stack += [(required, f"{sub.name} requires {required}") for required in sub.requires]


def satisfies(have: Capability, wanted: Capability) -> bool:
    """Whether a Provides answers a requirement, by libsolv's rule: one without a version answers none that asks one."""
    if not wanted.operator or not have.version:
        return not wanted.operator
    order = compare_versions(have.version, wanted.version)
    return (
        (order < 0 and "<" in wanted.operator)
        or (order > 0 and ">" in wanted.operator)
        or (order == 0 and "=" in wanted.operator)
    )


def _parts(wanted: Capability) -> list[Capability]:
    """A rich dependency ``(a or b)`` as its names, anything else as itself."""
    if not wanted.name.startswith("("):
        return [wanted]
    words = _RICH_WORD.findall(wanted.name)
    return [Capability(word) for word in words if word not in _RICH_OPERATORS and not word[0].isdigit()]


def _same_path(path: str, file: str) -> bool:
    """``path`` may hold ``*`` in front, a %files entry anywhere; a listed folder holds all below it."""
    if path.startswith("*"):
        names_match = fnmatchcase(path.rsplit("/", 1)[-1], file.rsplit("/", 1)[-1])
        return fnmatchcase(file, path) or (names_match and "/pkgconfig/" in file)
    return fnmatchcase(path, file) or path.startswith(file.rstrip("/") + "/")


def _refuse_duplicates(packages: Mapping[str, Package]) -> None:
    makers: dict[str, list[str]] = {}
    for name, package in packages.items():
        for sub in package.subpackages:
            makers.setdefault(sub.name, []).append(name)
    twice = [
        f"{sub} is made twice: by specs/{' and specs/'.join(names)}" for sub, names in makers.items() if len(names) > 1
    ]
    if twice:
        raise ConfigError("\n".join(twice), "rename or drop one of them")


def _sort(packages: Mapping[str, Package], edges: Iterable[Edge]) -> tuple[str, ...]:
    sorter: TopologicalSorter[str] = TopologicalSorter({name: set() for name in sorted(packages)})
    reasons = {}
    for edge in edges:
        sorter.add(edge.package, edge.needs)
        reasons[edge.package, edge.needs] = edge.because
    try:
        return tuple(sorter.static_order())
    except CycleError as error:
        circle = list(reversed(error.args[1]))
        steps = [f"  {one} needs {two} ({reasons[one, two]})" for one, two in pairwise(circle)]
        raise ConfigError(
            "\n".join([f"packages need each other in a circle: {' -> '.join(circle)}", *steps]),
            "break the circle: drop one BuildRequires, or split the package",
        ) from None
