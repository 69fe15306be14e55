# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a worker has: cores, memory, builders, architecture, labels; and the folder that it works in."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable
from pathlib import Path

from planex.cage.limits import Limits
from planex.content import shelf
from planex.engine.farm.orders import ORDERS
from planex.errors import MissingTool, PlanexError
from planex.run import find
from planex.workspace import behind, refuse_awkward

_TOOLS = {"mock": ("mock",), "sandbox": ("bwrap", "dnf", "rpmbuild")}


def found_words(labels: Iterable[str]) -> frozenset[str]:
    """What packages may ask for. MissingTool where nothing can be built."""
    builders = {f"builder {name}" for name, tools in _TOOLS.items() if all(map(find, tools))}
    if not builders:
        raise MissingTool("this machine has no builder", "run `planex doctor` to see what the sandbox needs")
    return frozenset({ORDERS, f"arch {platform.machine()}", *builders, *(f"label {label}" for label in labels)})


def resources_of(cores: float | None, memory: int | None, words: Iterable[str]) -> dict[str, float]:
    """As dask has them: numbers of which tasks take some."""
    return {"cores": cores or os.cpu_count() or 1, "memory": memory or Limits().memory, **dict.fromkeys(words, 1.0)}


def equip(folder: Path) -> Path:
    """The worker's folder, ready, and rid of what a killed worker left."""
    home = behind(folder)
    refuse_awkward(home)
    try:
        home.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise PlanexError(f"{home} cannot be made: {error.strerror}", "name another one: --folder DIR") from None
    parts = ("work", "files", "workspaces", "workspaces/*/_build/*/buildroots")
    shelf.sweep(folder for part in parts for folder in home.glob(part))
    return home
