# SPDX-License-Identifier: LGPL-2.1-or-later
"""What is written of a snapshot: ``snapshot.json`` in its folder."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

FORMAT = 1
NAME = "snapshot.json"


class PartStatus(StrEnum):
    """What came of a part."""

    OK = "ok"
    LOOK = "look"
    """Done; a person should look at what it says (a forecast with conflicts)."""
    FAILED = "failed"
    SKIPPED = "skipped"
    """It needs a part that failed."""


class SnapshotState(StrEnum):
    """Whether all that was asked for worked."""

    GOOD = "good"
    BROKEN = "broken"


@dataclass(frozen=True, slots=True)
class PartReport:
    """A part of a snapshot's making. ``command``: what a person would type; ``log``: path in the snapshot."""

    name: str
    status: PartStatus
    seconds: float
    command: str
    log: str = ""
    message: str = ""
    """The first line of what went wrong, or of what it says."""


@dataclass(frozen=True, slots=True)
class BuiltPackage:
    """What became of a source package: ``action`` and ``reasons`` of the plan, ``status`` where it was looked at."""

    package: str
    action: str
    reasons: tuple[str, ...] = ()
    status: str = ""
    seconds: float = 0.0
    error: str = ""


@dataclass(frozen=True, slots=True)
class PublishedRpm:
    """An RPM of the repository. ``evr``: ``[epoch:]version-release``; ``digest``: SHA-256.

    ``package``: the source package that it was built from; empty in snapshots of before that was written down.
    """

    name: str
    evr: str
    digest: str
    size: int
    location: str
    package: str = ""


@dataclass(frozen=True, slots=True)
class PublishedFile:
    """A file of the snapshot, by its path there. ``digest``: SHA-256."""

    path: str
    size: int
    digest: str


@dataclass(frozen=True, slots=True)
class UpgradeProof:
    """What ``dnf upgrade`` made of a machine with all RPMs of the snapshot ``start``; it worked without ``faults``."""

    start: str
    faults: tuple[str, ...]
    upgraded: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All that is known of a snapshot but its files. ``began``: ISO 8601, UTC; ``subject``: the commit's."""

    id: str
    target: str
    state: SnapshotState
    commit: str
    subject: str
    dirty: bool
    began: str
    seconds: float
    planex: str
    parts: tuple[PartReport, ...]
    packages: tuple[BuiltPackage, ...] = ()
    rpms: tuple[PublishedRpm, ...] = ()
    iso: PublishedFile | None = None
    upgrades: tuple[UpgradeProof, ...] = ()
    commits: tuple[str, ...] = ()
    """Of the workspace, since the snapshot before it: ``<12 digits> <subject>``, the newest first."""

    @property
    def good(self) -> bool:
        return self.state is SnapshotState.GOOD

    @property
    def broken_by(self) -> tuple[str, ...]:
        """Names of the parts that failed."""
        return tuple(part.name for part in self.parts if part.status is PartStatus.FAILED)


def state_of(parts: tuple[PartReport, ...]) -> SnapshotState:
    """Good if every part was done."""
    bad = any(part.status in (PartStatus.FAILED, PartStatus.SKIPPED) for part in parts)
    return SnapshotState.BROKEN if bad else SnapshotState.GOOD
