# SPDX-License-Identifier: LGPL-2.1-or-later
"""The journal of a rebase: one JSON file beside its tree, written whole at each step, so that a rebase outlives a
crash or a reboot."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from planex.content import records
from planex.patchqueue.carry.forecast import Version
from planex.patchqueue.carry.judge import Orders
from planex.patchqueue.carry.verdict import Verdict
from planex.patchqueue.commits.writeback import Writes
from planex.workspace import Workspace

_FORMAT = 1


@dataclass(frozen=True)
class State:
    """Where a rebase stands. It has stopped at the patch behind its verdicts, or is finishing if ``writes`` is set."""

    package: str
    guards: tuple[str, ...]
    """Chosen by hand, besides the target's and the package's."""
    old: Version
    new: Version
    variables: Mapping[str, str]
    """What package.yaml will say."""
    url: str
    queue: str
    """Digest of the queue that is rebased."""
    orders: Orders = field(default_factory=Orders)
    via: tuple[Version, ...] = ()
    """Versions in between that help with conflicts, oldest first."""
    verdicts: tuple[Verdict, ...] = ()
    ready: bool = True
    """The tree shows the conflict; unset while it is being set up."""
    writes: Writes | None = None
    """Files of the workspace to write at the end, relative to its root."""
    report: Mapping[str, Any] = field(default_factory=dict)
    """What became of each patch, as plain data; set together with ``writes``."""
    asked: Verdict | None = None
    """What a person is asked about."""


def tree_folder(workspace: Workspace, package: str) -> Path:
    """Where conflicts are solved."""
    return workspace.trees / f"{package}-rebase"


def _file(workspace: Workspace, package: str) -> Path:
    return workspace.trees / f"{package}-rebase.json"


def load_state(workspace: Workspace, package: str) -> State | None:
    """The rebase under way, if there is one."""
    path = _file(workspace, package)
    if not path.exists():
        return None
    hint = f"mend it, or give the rebase up, which leaves your commits in its tree alone: rm {path}"
    return records.require(path, State, _FORMAT, hint)


def save_state(workspace: Workspace, state: State) -> None:
    records.save(_file(workspace, state.package), state, _FORMAT)


def forget_state(workspace: Workspace, package: str) -> None:
    _file(workspace, package).unlink(missing_ok=True)
