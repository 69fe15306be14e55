# SPDX-License-Identifier: LGPL-2.1-or-later
"""Takes away what a planex that was killed left half done."""

from __future__ import annotations

from planex.content import shelf
from planex.workspace import Workspace

_TARGET = ("rendered/*", "store/*", "buildroots", "logs/*", "kept", "work/aside")
_SHARED = ("cache/*", "downloads")


def sweep_target(workspace: Workspace, target: str) -> None:
    """All that a run on ``target`` would have taken away itself, had it not been killed; its lock must be held."""
    shelf.remove(workspace.target(target) / "work" / "build")
    for folder, patterns in ((workspace.target(target), _TARGET), (workspace.build, _SHARED)):
        shelf.sweep([folder, *(path for pattern in patterns for path in folder.glob(pattern))])
