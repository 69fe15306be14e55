# SPDX-License-Identifier: LGPL-2.1-or-later
"""What differs between two snapshots. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from planex.rpm.librpm import compare_versions
from planex.snapshot.record import PartStatus, PublishedRpm, Snapshot


@dataclass(frozen=True, slots=True)
class RpmChanges:
    """``moved``: name, old and new version; ``silent``: name and version of other contents under the same version."""

    added: tuple[PublishedRpm, ...] = ()
    removed: tuple[PublishedRpm, ...] = ()
    moved: tuple[tuple[str, str, str], ...] = ()
    silent: tuple[tuple[str, str], ...] = ()

    @property
    def lowered(self) -> tuple[tuple[str, str, str], ...]:
        """Those of ``moved`` that went down, by rpm's order of versions."""
        return tuple(row for row in self.moved if compare_versions(row[1], row[2]) > 0)


@dataclass(frozen=True, slots=True)
class SnapshotChanges:
    """``rebuilt``: package and reasons, as the newer one's plan gave them; ``parts``: name, old and new status."""

    old: str
    new: str
    rpms: RpmChanges
    rebuilt: tuple[tuple[str, tuple[str, ...]], ...]
    parts: tuple[tuple[str, str, str], ...]
    iso: tuple[int, int]
    """Bytes of the ISOs, 0 where there is none."""
    seconds: tuple[float, float]
    commits: tuple[str, ...] = field(default=())
    """Of the workspace, between the two: ``<12 digits> <subject>``, newest first."""


def compare_rpms(old: Iterable[PublishedRpm], new: Iterable[PublishedRpm]) -> RpmChanges:
    """What became of each RPM, by its name."""
    before, after = ({rpm.name: rpm for rpm in rpms} for rpms in (old, new))
    both = sorted(before.keys() & after.keys())
    return RpmChanges(
        tuple(after[name] for name in sorted(after.keys() - before.keys())),
        tuple(before[name] for name in sorted(before.keys() - after.keys())),
        tuple((name, before[name].evr, after[name].evr) for name in both if before[name].evr != after[name].evr),
        tuple(
            (name, after[name].evr)
            for name in both
            if before[name].evr == after[name].evr and before[name].digest != after[name].digest
        ),
    )


def compare(old: Snapshot, new: Snapshot, commits: Iterable[str] = ()) -> SnapshotChanges:
    """All that differs."""
    before, after = ({part.name: part.status for part in one.parts} for one in (old, new))
    names = [*after, *(name for name in before if name not in after)]
    return SnapshotChanges(
        old.id,
        new.id,
        compare_rpms(old.rpms, new.rpms),
        tuple((p.package, p.reasons) for p in new.packages if p.action == "build"),
        tuple(
            (name, _status(before, name), _status(after, name)) for name in names if before.get(name) != after.get(name)
        ),
        (old.iso.size if old.iso else 0, new.iso.size if new.iso else 0),
        (old.seconds, new.seconds),
        tuple(commits),
    )


def _status(statuses: dict[str, PartStatus], name: str) -> str:
    return str(statuses.get(name, "not asked for"))
