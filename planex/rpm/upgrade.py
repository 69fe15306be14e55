# SPDX-License-Identifier: LGPL-2.1-or-later
"""Upgrades that are tried: a root with all RPMs of one repository, and in it ``dnf upgrade`` to another."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from planex.content import records
from planex.errors import PlanexError
from planex.rpm.dnf import Repositories, ask_dnf, choose, install, reason_of

OWN = "planex"
"""Name of the repository that is upgraded."""


@dataclass(frozen=True, slots=True)
class Upgraded:
    """What dnf did. ``complaints``: failed scriptlets and the like; ``left``: what it would do when asked again."""

    upgraded: tuple[str, ...]
    removed: tuple[str, ...]
    complaints: tuple[str, ...]
    left: tuple[str, ...]


def try_upgrade(
    repositories: Repositories, names: Sequence[str], old: Path, new: Path, folder: Path, log: Path
) -> Upgraded:
    """Install ``names`` of the repository ``old`` into a root in ``folder``, then upgrade that to ``new``.

    ``repositories``: the base. Raises PlanexError with dnf's reason.
    """
    root = folder / "root"
    root.mkdir()
    before, after = (replace(repositories, own={OWN: each}) for each in (old, new))
    install(choose(before, names, log), root, folder, log)
    _upgrade(after, root, log, run=False)  # fetches what it needs, for there is no network where scriptlets run
    return _upgrade(after, root, log, run=True)


def _upgrade(repositories: Repositories, root: Path, log: Path, *, run: bool) -> Upgraded:
    done = ask_dnf(repositories, {"upgrade": True, "run": run}, root, scriptlets=run)
    with log.open("a") as file:
        file.write(f"dnf upgrade{'' if run else ' is planned'}\n{done.stderr}")
    if done.returncode:
        raise PlanexError(f"dnf upgrade: {reason_of(done.stderr)}")
    return records.from_plain(json.loads(done.stdout), Upgraded)
