# SPDX-License-Identifier: LGPL-2.1-or-later
"""File trees of cages, as seen from outside, and whether this machine can make cages at all."""

from __future__ import annotations

import shutil
from pathlib import Path

from planex.cage.command import Cage, Overlay, as_owner, caged
from planex.cage.ids import NO_IDS, own_ids
from planex.drafts import temporary_folder
from planex.errors import PlanexError
from planex.run import run, run_logged

_PATIENCE = 20.0


def remove_tree(path: Path) -> None:
    """Delete a tree, also where parts belong to subordinate ids or are unreadable to this user."""
    shutil.rmtree(path, ignore_errors=True)
    if path.exists() and own_ids() is not None:
        run(as_owner(["rm", "-rf", "--", path]), check=False)
    if path.exists():
        raise PlanexError(f"{path} cannot be deleted", f"look who owns it: ls -ln {path}")


def copy_tree(source: Path, destination: Path, log: Path) -> None:
    """Copy a root as it is, owners and all, into an empty folder."""
    run_logged(as_owner(["cp", "-a", "--reflink=auto", f"{source}/.", str(destination)]), log)


def problem() -> str | None:
    """Why no cage can be made here, or None."""
    if own_ids() is None:
        return NO_IDS
    done = run(caged(Cage(), ["true"]), check=False, timeout=_PATIENCE)
    if done.returncode == 0:
        return None
    reason = done.stderr.strip().splitlines()
    return reason[-1] if reason else "namespaces are not available"


def overlay_works(folder: Path) -> bool:
    """Whether an overlay can have its upper layer in ``folder`` (not where that lies on an overlay itself)."""
    if own_ids() is None:
        return False
    with temporary_folder(folder, "overlay-probe") as probe:
        (probe / "lower").mkdir()
        (probe / "scratch").mkdir()
        cage = Cage(writable={"/root": Overlay((probe / "lower",), probe / "scratch")}, superuser=True)
        try:
            return run(caged(cage, ["touch", "/root/file"]), check=False, timeout=_PATIENCE).returncode == 0
        finally:
            remove_tree(probe)
