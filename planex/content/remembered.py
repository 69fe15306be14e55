# SPDX-License-Identifier: LGPL-2.1-or-later
"""SHA-256 of files that are large and seldom change: taken again only where path, size, time or inode is another."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from planex.content import records, stamps
from planex.content.stamps import Stamp

FORMAT = 1


@dataclass(frozen=True, slots=True)
class KnownFiles:
    """What is kept: absolute path to stamp."""

    files: Mapping[str, Stamp]


class Remembered:
    """The digests in a file of them, which ``save`` writes."""

    def __init__(self, path: Path) -> None:
        self._path = path
        known = records.load(path, KnownFiles, FORMAT)
        self._known = dict(known.files) if known else {}

    def digest(self, file: Path) -> str:
        """SHA-256 of a file in hexadecimal."""
        name = str(file.absolute())
        stamp = self._known.get(name)
        if stamp is None or stamps.unproven(file.parent, {file.name: stamp}):
            stamp = stamps.take(file.parent, [file.name])[file.name]
        self._known[name] = stamp
        return stamp.sha256

    def save(self) -> None:
        """Keep what is known of files that are still there."""
        there = {name: stamp for name, stamp in self._known.items() if os.path.lexists(name)}
        records.save(self._path, KnownFiles(there), FORMAT)
