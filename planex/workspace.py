# SPDX-License-Identifier: LGPL-2.1-or-later
"""Where everything is. The only place that spells a path of the workspace."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from planex.errors import ConfigError

CONFIG_NAME = "planex.yaml"
AWKWARD = ":,%'\"\\"


@dataclass(frozen=True, slots=True)
class Workspace:
    """A folder with a planex.yaml. Everything that planex makes is below ``build``."""

    root: Path

    @classmethod
    def find(cls, start: Path) -> Workspace:
        """The workspace that ``start`` lies in: the nearest folder upwards with a planex.yaml."""
        for folder in (behind(start), *behind(start).parents):
            if (folder / CONFIG_NAME).is_file():
                refuse_awkward(folder)
                _refuse_no_folder(cls(folder).build)
                return cls(folder)
        raise ConfigError(
            f"no {CONFIG_NAME} in {behind(start)} or any folder above it",
            "change into a workspace, name one with `planex -C DIR`, or make one with `planex init DIR`",
        )

    @property
    def config(self) -> Path:
        return self.root / CONFIG_NAME

    @property
    def specs(self) -> Path:
        return self.root / "specs"

    @property
    def patchqueues(self) -> Path:
        return self.root / "patchqueues"

    @property
    def repos(self) -> Path:
        return self.root / "repos"

    @property
    def mock_configs(self) -> Path:
        return self.root / "mock-configs"

    @property
    def iso(self) -> Path:
        return self.root / "iso"

    @property
    def build(self) -> Path:
        return self.root / "_build"

    @property
    def lock(self) -> Path:
        """Held shared by whoever works below ``build``, alone by whoever deletes there."""
        return self.build / ".lock"

    @property
    def trees(self) -> Path:
        """Git trees that people work in (``planex patchqueue checkout`` and ``rebase``). Never cleaned."""
        return self.root / "trees"

    def snapshots(self, target: str) -> Path:
        """Snapshots of a target (``planex snapshot``). Never cleaned; ``planex snapshot gc`` deletes old ones."""
        return self.root / "snapshots" / target

    @property
    def downloads(self) -> Path:
        """Content-addressed cache of sources: one file per checksum."""
        return self.build / "downloads"

    @property
    def cache(self) -> Path:
        """Things that can be made again from their key: touched source files, parsed specs, git imports."""
        return self.build / "cache"

    def base(self, name: str) -> Path:
        """An embedded base: ``repo/`` (its repository), ``base.iso``, ``debs/``."""
        return self.build / "base" / name

    def target(self, name: str) -> Path:
        """Everything made for one target: ``rendered/``, ``store/``, ``repo``, ``logs/``, ``iso/``, ``work/``."""
        return self.build / name

    def logs(self, target: str, package: str) -> Path:
        return self.target(target) / "logs" / package

    def relative(self, path: Path) -> str:
        """``path`` as a person would type it from the current folder, where that is shorter."""
        relative = os.path.relpath(path)
        return relative if len(relative) < len(str(path)) else str(path)

    def inside(self, text: str) -> str:
        """A text with paths as one types them in the workspace's folder: for who reads it elsewhere."""
        return text.replace(f"{self.root}/", "")


def refuse_awkward(folder: Path) -> None:
    """ConfigError for a workspace's path that tools would split.

    rpm does so at white space and colons, overlays at commas and colons.
    """
    awkward = sorted({character for character in str(folder) if character in AWKWARD or character.isspace()})
    if awkward:
        raise ConfigError(
            f"{folder}: rpm and overlays cannot work in a path with {' '.join(map(repr, awkward))}",
            "move the workspace to a path without it",
        )


def _refuse_no_folder(build: Path) -> None:
    """ConfigError where something else is in the place of the folder that holds all that planex makes."""
    if not os.path.lexists(build) or build.is_dir():
        return
    if build.is_symlink():
        target = os.readlink(build)  # noqa: PTH115
        raise ConfigError(
            f"{build} is a symbolic link to {target}, which is no folder",
            f"make that folder, or delete the link and let planex make a folder: rm {os.path.relpath(build)}",
        )
    raise ConfigError(
        f"{build} is a file, and planex wants a folder there for all that it makes",
        f"move it out of the way: mv {os.path.relpath(build)} {os.path.relpath(build)}.old",
    )


def behind(link: Path) -> Path:
    """Where a link leads. One that leads to itself stays as it is, and is then found to be no file or folder."""
    return Path(os.path.realpath(link))
