# SPDX-License-Identifier: LGPL-2.1-or-later
"""Checks an ISO, anybody's: would it start, and does it say the truth about itself? Finds all that is wrong at once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from planex.host.check_contents import (
    MediumRepositories,
    check_places,
    check_size,
    check_sums,
    check_treeinfo,
    read_sums,
    sums_wanted,
    treeinfo_wanted,
)
from planex.host.check_start import check_labels, check_loaders, check_menus, check_records
from planex.host.examined import ExaminedIso
from planex.host.finding import Finding, without_inherited
from planex.medium import metadata
from planex.medium.bootrecords import BootRecords
from planex.medium.image import Image
from planex.medium.sums import Sums
from planex.medium.xorriso import read_records, require_iso


def check_iso(iso: Path, base: Path | None = None) -> list[Finding]:
    """Everything that is wrong with an ISO; with ``base``, also what it lost against that.

    What the base has too is graded so.
    """
    for path in (iso, base):
        if path is not None:
            require_iso(path)
    if base is None:
        return _look(iso, None)
    return without_inherited(_look(iso, read_records(base)), _look(base, None))


def _look(path: Path, base: BootRecords | None) -> list[Finding]:
    cut = list(check_size(Image(path, path.stat().st_size)))
    return cut or examine(ExaminedIso.open(path), base)  # of what is cut off, xorriso would have no more to say


def examine(iso: ExaminedIso, base: BootRecords | None = None, cache: Path | None = None) -> list[Finding]:
    """What is wrong with an ISO that was looked into. ``cache``: a folder for what its repositories list."""
    return list(_findings(iso, base, cache))


def _findings(iso: ExaminedIso, base: BootRecords | None, cache: Path | None) -> Iterator[Finding]:
    misplaced = list(check_places(iso.image))
    yield from (*misplaced, *check_records(iso, base))
    if not misplaced:
        yield from _contents(iso, cache)
    if base is not None:
        yield from check_old_label(iso, base.label)


def _contents(iso: ExaminedIso, cache: Path | None) -> Iterator[Finding]:
    sums, repositories = read_sums(iso), MediumRepositories(iso, cache)
    listed = sums_wanted(iso, sums) if isinstance(sums, Sums) else ()
    iso.prepare([*listed, *treeinfo_wanted(iso), *repositories.wanted()])
    yield from check_loaders(iso)
    yield from check_labels(iso)
    yield from check_menus(iso)
    yield from check_treeinfo(iso)
    yield from repositories.check()
    yield from check_sums(iso, sums)


def check_old_label(iso: ExaminedIso, old: str) -> Iterator[Finding]:
    """The base's label occurs in no text any more."""
    if old and old != iso.records.label:
        for name, text in iso.small.items():
            if metadata.mentions_label(text, old):
                yield Finding("label", f"{name} still names the base's label '{old}'")
