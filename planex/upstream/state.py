# SPDX-License-Identifier: LGPL-2.1-or-later
"""The journal of a rebase: one JSON file beside its tree, written whole at each step, so that a rebase outlives a
crash or a reboot."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from planex.errors import PlanexError
from planex.patchqueue.forecast import Version, version_from_json
from planex.patchqueue.judge import Orders
from planex.patchqueue.verdict import Verdict, from_json
from planex.patchqueue.writeback import Writes, writes_from_json
from planex.workspace import Workspace, write_atomic

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
    try:
        return _from_json(json.loads(path.read_text()))
    except (ValueError, KeyError, TypeError) as error:
        raise PlanexError(f"{path} is damaged: {error}", f"give the rebase up: rm {path}") from error


def save_state(workspace: Workspace, state: State) -> None:
    write_atomic(_file(workspace, state.package), json.dumps(_to_json(state), indent=1))


def forget_state(workspace: Workspace, package: str) -> None:
    _file(workspace, package).unlink(missing_ok=True)


def _to_json(state: State) -> dict[str, Any]:
    orders = state.orders
    return {
        "format": _FORMAT,
        "package": state.package,
        "guards": list(state.guards),
        "old": state.old.to_json(),
        "new": state.new.to_json(),
        "variables": dict(state.variables),
        "url": state.url,
        "queue": state.queue,
        "orders": {"keep": sorted(orders.keep), "drop": dict(orders.drop), "skip": sorted(orders.skip)},
        "via": [version.to_json() for version in state.via],
        "verdicts": [verdict.to_json() for verdict in state.verdicts],
        "ready": state.ready,
        "writes": state.writes.to_json() if state.writes else None,
        "report": dict(state.report),
    }


def _from_json(data: Mapping[str, Any]) -> State:
    orders = data["orders"]
    return State(
        data["package"],
        tuple(data["guards"]),
        version_from_json(data["old"]),
        version_from_json(data["new"]),
        data["variables"],
        data["url"],
        data["queue"],
        Orders(frozenset(orders["keep"]), orders["drop"], frozenset(orders["skip"])),
        tuple(version_from_json(row) for row in data["via"]),
        tuple(from_json(row) for row in data["verdicts"]),
        data["ready"],
        writes_from_json(data["writes"]) if data["writes"] else None,
        data["report"],
    )
