# SPDX-License-Identifier: LGPL-2.1-or-later
"""What is new in the packages of an ISO: entries of their changelogs, and what became of their patch queues."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from planex.distro.origins import UsedPatch
from planex.host.manifest import Manifest, ShippedRpm
from planex.medium.image import Image
from planex.rpm.changelog import ChangelogEntry, read_changelog
from planex.rpm.nevra import package_of
from planex.rpm.rpmfile import BadRpm

_MOST = 50
"""Entries of one package: one whose changelog was written anew would tell its whole life."""


@dataclass(frozen=True, slots=True)
class PatchChange:
    """A patch that is in one queue or in both. ``old`` and ``new``: checksum, None where it is not; ``moved``: it has
    another place among the others. Subject and commits are those of the newer."""

    name: str
    old: str | None
    new: str | None
    subject: str
    commits: tuple[str, ...] = ()
    moved: bool = False


@dataclass(frozen=True, slots=True)
class PackageNews:
    """``package``: name and version of the new source RPM. ``entries``: those that the old one does not have."""

    package: str
    entries: tuple[ChangelogEntry, ...]


def patch_changes(old: Sequence[UsedPatch], new: Sequence[UsedPatch]) -> tuple[PatchChange, ...]:
    """By package and name; what is the same in the same order is left out."""
    before, after = ({f"{row.package}/{row.name}": row for row in rows} for rows in (old, new))
    moved = _moved([name for name in before if name in after], [name for name in after if name in before])
    return tuple(
        PatchChange(name, _digest(before.get(name)), _digest(after.get(name)), row.subject, row.commits, name in moved)
        for name, row in sorted({**before, **after}.items())
        if name in moved or _digest(before.get(name)) != _digest(after.get(name))
    )


def _moved(old: list[str], new: list[str]) -> set[str]:
    """Names of both that are not in the longest order that both have."""
    blocks = SequenceMatcher(None, old, new, autojunk=False).get_matching_blocks()
    return set(new) - {name for block in blocks for name in new[block.b : block.b + block.size]}


def _digest(row: UsedPatch | None) -> str | None:
    return row.sha256[:12] if row else None


def package_news(old: tuple[Image, Manifest], new: tuple[Image, Manifest]) -> Iterator[PackageNews]:
    """Of every package of both ISOs that has other RPMs, by the first RPM of each."""
    before = {package_of(rpm.source): rpm for rpm in reversed(old[1].rpms)}
    after = {package_of(rpm.source): rpm for rpm in reversed(new[1].rpms)}
    for name in sorted(before.keys() & after.keys()):
        if before[name].unsigned == after[name].unsigned:
            continue
        known = set(_changelog(old[0], before[name]))
        found = [entry for entry in _changelog(new[0], after[name]) if entry not in known]
        if found:
            yield PackageNews(after[name].source.removesuffix(".src.rpm"), tuple(found[:_MOST]))


def _changelog(image: Image, rpm: ShippedRpm) -> tuple[ChangelogEntry, ...]:
    """None where the RPM is not there, or cannot be read: iso check says so."""
    if rpm.path not in image.files:
        return ()
    try:
        with image.open(rpm.path) as file:
            return read_changelog(file)
    except (BadRpm, ValueError, OverflowError):
        return ()
