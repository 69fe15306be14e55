# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a planex that was killed left half done. Whoever sweeps must hold the lock of the folder."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

from planex.workspace import DRAFT, Workspace

_TARGET = (
    f".*{DRAFT}",
    ".repo.*",
    "work/build",
    "store/*/.*",
    f"rendered/*/.*{DRAFT}",
    "buildroots/*.draft",
    f"buildroots/.*{DRAFT}",
    "buildroots/closure.*",
    "buildroots/.overlay-probe.*",
)
_SHARED = (f"cache/*/.*{DRAFT}", "cache/*/tmp.*")
"""Below _build; other targets may be at work there."""
_OLD = 3600.0
"""Seconds after which a draft that nobody has a lock on belongs to nobody."""


def leftovers(workspace: Workspace, target: str) -> Iterator[Path]:
    """All that a run on ``target`` would have taken away itself, had it not been killed."""
    folder = workspace.target(target)
    for pattern in _TARGET:
        yield from folder.glob(pattern)
    now = time.time()
    for pattern in _SHARED:
        yield from (path for path in workspace.build.glob(pattern) if now - path.lstat().st_mtime > _OLD)
