# SPDX-License-Identifier: LGPL-2.1-or-later
"""What became of each package, night by night."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from planex.snapshot.record import BuiltPackage, PublishedRpm, Snapshot

FAILED, BUILT = "failed", "built"


@dataclass(frozen=True, slots=True)
class PackageNight:
    """A package in a snapshot. ``rpms``: those that were built from it; none where there is no repository."""

    ident: str
    package: BuiltPackage
    rpms: tuple[PublishedRpm, ...]

    @property
    def status(self) -> str:
        return self.package.status or self.package.action

    @property
    def versions(self) -> tuple[str, ...]:
        """The version of the RPM of its own name, or all that its RPMs have."""
        own = [rpm.evr for rpm in self.rpms if rpm.name == self.package.package]
        return tuple(dict.fromkeys(own or [rpm.evr for rpm in self.rpms]))

    @property
    def size(self) -> int:
        """Bytes of its RPMs."""
        return sum(rpm.size for rpm in self.rpms)

    @property
    def eventful(self) -> bool:
        """Whether it was built, or should have been."""
        return self.package.status in (FAILED, BUILT, "skipped", "postponed")


@dataclass(frozen=True, slots=True)
class PackageSpan:
    """Nights in which nothing became of a package, or one in which something did; from the oldest to the newest."""

    nights: tuple[PackageNight, ...]


def histories(snapshots: Iterable[Snapshot]) -> dict[str, list[PackageNight]]:
    """Package to its nights, from the oldest to the newest."""
    found: dict[str, list[PackageNight]] = {}
    for snapshot in snapshots:
        mine = _by_package(snapshot)
        for package in snapshot.packages:
            night = PackageNight(snapshot.id, package, tuple(mine.get(package.package, ())))
            found.setdefault(package.package, []).append(night)
    return dict(sorted(found.items()))


def _by_package(snapshot: Snapshot) -> dict[str, list[PublishedRpm]]:
    """RPMs by the package that they were built from. Where that was not written down, by the one whose name theirs
    begins with: ``xen-libs`` is of ``xen``, if there is no such package."""
    names = {package.package for package in snapshot.packages}
    found: dict[str, list[PublishedRpm]] = {}
    for rpm in snapshot.rpms:
        name = rpm.package or rpm.name
        while name and name not in names:
            name = name.rpartition("-")[0]
        found.setdefault(name, []).append(rpm)
    return found


def spans(nights: Sequence[PackageNight]) -> Iterator[PackageSpan]:
    """Neighbours in which nothing became of a package are one."""
    quiet: list[PackageNight] = []
    for night in nights:
        if quiet and (night.eventful or (night.versions, night.size) != (quiet[-1].versions, quiet[-1].size)):
            yield PackageSpan(tuple(quiet))
            quiet = []
        if night.eventful:
            yield PackageSpan((night,))
        else:
            quiet.append(night)
    if quiet:
        yield PackageSpan(tuple(quiet))


def failing_since(nights: Sequence[PackageNight]) -> str:
    """The night since which a package fails, in all in which it was looked at; empty if it does not."""
    since = ""
    for night in reversed(nights):
        if night.package.status != FAILED:
            break
        since = night.ident
    return since
