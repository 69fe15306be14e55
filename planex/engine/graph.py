# SPDX-License-Identifier: LGPL-2.1-or-later
"""Which package needs which. Pure: parsed packages in; an order, reasons and faults out.

A buildroot for A must hold a package that B makes where A's BuildRequires name it, or the Requires of what those pull
in: by name, Provides, ``pkgconfig()`` or path. Where the base offers the same, and only then, a circle is no circle:
the package is built against the base's.

Building a package and installing what it makes are two nodes. Their edges are few where "A needs all of these" are
many, so that time and room grow with what specs say and not with its square.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter

from planex.engine.lacking import Advise, Lacking, nothing_known
from planex.engine.links import Edge, Links, Node
from planex.errors import ConfigError, joined
from planex.reach import bits
from planex.rpm.capability import Capability, parts
from planex.rpm.index import Index
from planex.rpm.spec import Package


@dataclass(frozen=True, slots=True)
class FromBase:
    """Against a circle: a package is built with the base's ``wanted``, although ``instead`` makes it too."""

    package: str
    instead: str
    wanted: Capability

    def __str__(self) -> str:
        return f"built with the base's {self.wanted}, for {self.instead} needs {self.package}"


@dataclass(frozen=True, slots=True)
class Bootstrap:
    """Against a circle: a package is built with one that was built with its condition ``bootstrap``."""

    package: str
    instead: str

    def __str__(self) -> str:
        return (
            f"built with {self.instead} as its condition `bootstrap` makes it, for {self.instead} needs {self.package}"
        )


Opened = FromBase | Bootstrap


@dataclass(frozen=True)
class Graph:
    """Packages in an order in which they can be built, and what each waits for.

    ``order`` lacks packages with ``faults`` (and how these are said) and those that need them.
    """

    order: tuple[str, ...]
    faults: Mapping[str, ConfigError]
    opened: tuple[Opened, ...]
    _links: Links = field(repr=False)
    _before: Mapping[Node, int] = field(repr=False)
    """Node to mask of all packages that must be built before it, or that it is."""

    def needs(self, package: str) -> frozenset[str]:
        """Packages whose results go into the buildroot of ``package``, by what the specs say."""
        return self._links.names(self._links.needs(package))

    def asks(self, package: str) -> tuple[Capability, ...]:
        """What its buildroot must have: by the spec, and by what earlier builds asked for."""
        return tuple(dict.fromkeys(self._links.build_requires(package) + self._links.likely(package)))

    def too_late(self, package: str, wanted: Capability) -> list[str]:
        """Who makes something that ``package`` needs, where neither they nor anything else will be there by then."""
        makers = {self._links.maker(sub) for part in parts(wanted) for sub in self._links.makers(part)}
        instead = self._links.avoided.get(package, {})
        in_time = any(maker in instead or self.may_have(package, maker) for maker in makers)
        return [] if in_time or self._links.base_offers(wanted) else sorted(makers)

    def may_have(self, package: str, other: str) -> bool:
        """Whether results of ``other`` may be in the buildroot of ``package``.

        They are there by then, and the base's need not serve instead.
        """
        instead = self._links.avoided.get(package, {})
        if other == package or other in instead:
            return False
        if other in self._links.bootstraps.values():
            return other in instead.values()
        return bool(self._before[package] & self._links.bit(other))

    def closure(self, packages: Iterable[str]) -> frozenset[str]:
        """``packages`` and all that they need, to be built and to be installed."""
        mask = 0
        for package in packages:
            mask |= self._before[package]
            for other in bits(self._links.installed_with(package)):
                mask |= self._before[self._links.packages[other]]
        return self._links.names(mask)

    def edges(self, package: str) -> tuple[Edge, ...]:
        """Every need of a package with its reason, sorted by name."""
        return tuple(sorted(self._links.edges(package), key=lambda edge: edge.needs))

    def path(self, package: str, other: str) -> tuple[Edge, ...]:
        """How ``package`` comes to need ``other``, by the fewest steps; empty if it does not."""
        came_by: dict[str, Edge] = {}
        waiting = deque([package])
        while waiting and other not in came_by:
            for edge in self.edges(waiting.popleft()):
                if edge.needs not in came_by:
                    came_by[edge.needs] = edge
                    waiting.append(edge.needs)
        steps: list[Edge] = []
        while other in came_by and (not steps or steps[-1].package != package):
            steps.append(came_by[other])
            other = steps[-1].package
        return tuple(reversed(steps))


def build_graph(
    packages: Mapping[str, Package],
    base: Index | None,
    *,
    broken: Sequence[str] = (),
    left_out: Mapping[str, tuple[Package, str]] | None = None,
    hints: Mapping[str, tuple[Capability, ...]] | None = None,
    bootstraps: Mapping[str, str] | None = None,
    advise: Advise = nothing_known,
) -> Graph:
    """Order the packages. ``base``: what the base provides, None where that is not known.

    ``broken``, ``left_out`` and ``advise``: see ``Lacking``. ``hints``: what earlier builds of a package asked for
    besides. ``bootstraps``: package to the one of ``packages`` that can be built in its stead, to open a circle.
    """
    links = Links(packages, base, bootstraps)
    links.hints.update(hints or {})
    faults = _made_twice({name: found for name, found in packages.items() if name not in links.bootstraps.values()})
    for name, fault in (Lacking(links, base, broken, left_out or {}, advise).faults() if base else {}).items():
        faults[name] = joined([faults[name], fault]) if name in faults else fault
    opened: list[Opened] = []
    while True:
        try:
            order, before = _sorted(links)
        except CycleError as error:
            # Each node is needed by the next; the last is the first again.
            circle = [node for node in error.args[1][:0:-1] if isinstance(node, str)]
            _open(links, circle, base, opened, faults)
            continue
        lost = links.mask(faults)
        spare = set(links.bootstraps.values()) - {name for each in links.avoided.values() for name in each.values()}
        kept = tuple(name for name in order if not before[name] & lost and name not in spare)
        return Graph(kept, faults, tuple(opened), links, before)


def _sorted(links: Links) -> tuple[list[str], dict[Node, int]]:
    needed = dict(links.nodes())
    before: dict[Node, int] = {}
    for node in TopologicalSorter(needed).static_order():
        mask = links.bit(node) if isinstance(node, str) else 0
        for other in needed[node]:
            mask |= before[other]
        before[node] = mask
    return [node for node in before if isinstance(node, str)], before


def _open(
    links: Links,
    circle: Sequence[str],
    base: Index | None,
    opened: list[Opened],
    faults: dict[str, ConfigError],
) -> None:
    """Open a circle at the first need that the base answers too, or a package that can be built before: ``bootstrap``.

    Where there is none, all in it are at fault.

    What is only known from earlier builds is no reason for a fault: it may not be so any more.
    """
    if any(links.hints.pop(package, ()) for package in circle):
        return
    steps = []
    for package, needed in zip(circle, [*circle[1:], circle[0]], strict=True):
        edge = next(edge for edge in links.edges(package) if edge.needs == needed)
        asked = links.asked(package, needed)
        if base and asked and all(map(base.offers, asked)):
            opened.append(FromBase(package, needed, edge.wanted))
            links.avoided.setdefault(package, {})[needed] = None
            return
        steps.append(f"  {package} needs {needed} ({edge.because})")
    for package, needed in zip(circle, [*circle[1:], circle[0]], strict=True):
        if needed in links.bootstraps:
            opened.append(Bootstrap(package, needed))
            links.avoided.setdefault(package, {})[needed] = links.bootstraps[needed]
            return
    text = "\n".join([f"packages need each other in a circle: {' -> '.join([*circle, circle[0]])}", *steps])
    links.cut.add(circle[0])
    faults |= dict.fromkeys(
        circle,
        ConfigError(text, "break the circle: drop one BuildRequires, split the package, or give one `bootstrap: true`"),
    )


def _made_twice(packages: Mapping[str, Package]) -> dict[str, ConfigError]:
    makers: dict[str, list[str]] = {}
    for name, package in packages.items():
        for sub in package.subpackages:
            makers.setdefault(sub.name, []).append(name)
    texts: dict[str, list[str]] = {}
    for made, names in makers.items():
        for name in names if len(names) > 1 else ():
            texts.setdefault(name, []).append(f"{made} is made twice: by specs/{' and specs/'.join(names)}")
    return {name: ConfigError("\n".join(found), "rename or drop one of them") for name, found in texts.items()}
