# SPDX-License-Identifier: LGPL-2.1-or-later
"""What ``planex patchqueue forecast`` is asked."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

NEWEST = "newest"
"""Stands for the newest version that is out upstream."""


@dataclass(frozen=True, slots=True)
class Wish:
    """A queue, versions and options."""

    package: str
    versions: tuple[str, ...]
    keep: tuple[str, ...]
    without: dict[str, str]
    settings: dict[str, str]
    guards: tuple[str, ...]
    as_json: bool
    offline: bool
    blame: bool
    blame_seconds: float
    """Seconds to search for the commits that break patches; 0: not asked."""
    build: bool
    baseline: Path | None
    save: Path | None
    html: Path | None
    width: int
    """Columns of the printed answer."""

    @property
    def words(self) -> list[str]:
        """All that the printed answer depends on, besides package and versions."""
        options = [self.keep, self.without, self.settings, self.guards, self.as_json, self.offline, self.width]
        return [json.dumps(option, sort_keys=True) for option in options]

    @property
    def prints_only(self) -> bool:
        """Whether the same question has the same answer; a search that ran out of time goes on the next time, and
        upstream goes on by itself."""
        return not (self.baseline or self.save or self.html or self.blame or self.build or NEWEST in self.versions)
