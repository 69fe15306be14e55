# SPDX-License-Identifier: LGPL-2.1-or-later
"""A workspace with one package ``pkg`` whose source is a local tarball, for tests of whole commands."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from planex.distro.config import load_config
from planex.distro.project import Project, load_project
from planex.distro.recipe import load_recipe
from planex.patchqueue.carry.judge import Orders
from planex.rebase.package import PackageQueue
from planex.rebase.rebase import Progress, Rebase
from planex.report import Reporter
from planex.run import Completed
from planex.workspace import Workspace
from tests.conftest import ROOT
from tests.integration.conftest import PLANEX_YAML, run_planex
from tests.integration.patch_factory import Tree, write_queue, write_tarball

SPEC = """\
Name:           pkg
Version:        {{ version }}
Release:        {{ release }}
Summary:        A test
License:        MIT
Source0:        %{name}-%{version}.tar
{{ patch_lines }}
%description
x
%prep
%autosetup -p1
%files
"""
PACKAGE_YAML = '# Kept.\nvariables:\n  version: "1"  # the version\n  release: "1"\n'


@dataclass
class PatchWorkspace:
    """The folder, and what was loaded from it."""

    folder: Path
    project: Project | None = None

    @classmethod
    def create(cls, folder: Path, old: Tree, patches: Mapping[str, str], series: str | None = None) -> PatchWorkspace:
        """A workspace with a package at version 1; its guards are all unchosen."""
        made = cls(folder)
        folder.mkdir(parents=True)
        (folder / "planex.yaml").write_text(PLANEX_YAML)
        for name in ("repos", "mock-configs"):
            shutil.copytree(ROOT / name, folder / name)
        made.reset(old, patches, series)
        return made

    @property
    def recipe(self) -> Path:
        return self.folder / "specs" / "pkg"

    @property
    def queue(self) -> Path:
        return self.folder / "patchqueues" / "pkg"

    def reset(self, old: Tree, patches: Mapping[str, str], series: str | None = None) -> None:
        """Begin anew with another source and queue."""
        for name in ("specs", "patchqueues", "trees", "_build/patchqueue", "_build/cache/patchqueue"):
            shutil.rmtree(self.folder / name, ignore_errors=True)
        self.recipe.mkdir(parents=True)
        (self.recipe / "pkg.spec.j2").write_text(SPEC)
        (self.recipe / "package.yaml").write_text(PACKAGE_YAML)
        self.source("1", old).rename(self.recipe / "pkg-1.tar")
        write_queue(self.queue, patches, series)

    def source(self, version: str, tree: Tree) -> Path:
        """A tarball of another version, outside the recipe."""
        return write_tarball(self.folder / f"pkg-{version}.tar", tree, f"pkg-{version}")

    def planex(self, *words: str | Path) -> Completed:
        """The command line in a process of its own."""
        return run_planex(self.folder, *(str(word) for word in words))

    def load(self) -> PackageQueue:
        """The package as it is on disk now; the spec is parsed only the first time."""
        workspace = Workspace(self.folder)
        if self.project is None:
            config = load_config(workspace)
            self.project = load_project(workspace, config, "bookworm")
        recipe = load_recipe(workspace, "pkg")
        return PackageQueue(replace(self.project, recipes={"pkg": recipe}), "pkg")

    def rebase(self, source: Path, orders: Orders | None = None) -> tuple[Rebase, Progress]:
        """Begin a rebase in this process."""
        package = self.load()
        with Reporter().task("test") as task:
            rebase = Rebase(package, task)
            return rebase, rebase.start(package.goal(str(source), {}, task), orders or Orders())
