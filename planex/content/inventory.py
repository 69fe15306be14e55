# SPDX-License-Identifier: LGPL-2.1-or-later
"""What lies below ``_build``, by name, and how large it is."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from planex.workspace import Workspace

SHARED = {
    "downloads": ("sources, by checksum", "fetched again"),
    "cache": ("parsed specs, tried patches, git imports", "made again when they are asked for"),
    "base": ("embedded bases: repository, ISO, .debs", "planex base build"),
}
TARGETS = {
    "buildroots": ("layers that packages are built on", "made again by the next build"),
    "mock": ("mock's roots and caches of this workspace", "made again by the next build"),
    "work": ("what is under way; parts of the host ISO", "made again when needed"),
    "kept": ("trees of failed builds (planex build --keep)", "lost"),
    "store": ("results of builds, by rebuild key", "every package is built again"),
    "signed": ("signatures, and copies of RPMs that have them", "signed again by the next build"),
    "repo": ("composed repositories", "composed again by the next build"),
    "iso": ("host ISOs", "planex iso build"),
    "learned": ("BuildRequires that only builds could tell", "learned again by the next build"),
    "logs": ("logs of builds and boots", "lost"),
    "mirrors": ("what the mirrors of a base offer", "asked again by the next build"),
    "rendered": ("specs as their templates make them", "made again at once"),
}
OTHER = "other"
_PATTERNS = {"repo": ("repo", "repo-*", ".repo-*.json", ".closed"), "mirrors": ("base.json",), "mock": ("mock.json",)}
_LOCKS = (".lock", ".iso.lock")


@dataclass(frozen=True, slots=True)
class Item:
    """Something that can be deleted alone. ``regained``: how it comes back."""

    name: str
    what: str
    regained: str
    paths: tuple[Path, ...]


def inventory(workspace: Workspace, targets: Iterable[str]) -> tuple[Item, ...]:
    """All that is below ``_build``, each path in one item; what planex does not know is ``other``."""
    folders = [workspace.target(name) for name in targets]
    items = [Item(name, *words, _there(workspace.build, name)) for name, words in SHARED.items()]
    for name, words in TARGETS.items():
        items.append(Item(name, *words, tuple(path for folder in folders for path in _there(folder, name))))
    known = {path for item in items for path in item.paths} | set(folders)
    rest = [path for folder in (workspace.build, *folders) for path in _children(folder) if path not in known]
    return (*items, Item(OTHER, "targets that are no more, things of an older planex", "lost", tuple(rest)))


def _there(folder: Path, name: str) -> tuple[Path, ...]:
    return tuple(path for pattern in _PATTERNS.get(name, (name,)) for path in sorted(folder.glob(pattern)))


def _children(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.name not in _LOCKS) if folder.is_dir() else []
