# SPDX-License-Identifier: LGPL-2.1-or-later
"""A workspace as seen by one target: everything loaded, rendered, parsed and checked."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from planex.checksums import digest_of
from planex.content import key as fingerprint
from planex.content.key import Inputs
from planex.content.store import Store
from planex.distro.config import Config, Target
from planex.distro.recipe import Recipe, find_recipes, render_specs
from planex.distro.sources import local_files, remote_sources
from planex.engine.graph import Graph, build_graph
from planex.errors import ConfigError, PlanexError, Problem
from planex.rpm import repo
from planex.rpm.mockconfig import MockConfig, load_mock_config
from planex.rpm.spec import Macros, Package, parse_specs, target_macros
from planex.workspace import Workspace, write_atomic


@dataclass(frozen=True)
class Project:
    """The packages of a workspace for one target. ``packages``: all; ``built``: those for the target's architecture."""

    workspace: Workspace
    config: Config
    target_name: str
    target: Target
    mock_config: MockConfig
    recipes: Mapping[str, Recipe]
    packages: Mapping[str, Package]

    @property
    def folder(self) -> Path:
        return self.workspace.target(self.target_name)

    @property
    def repository(self) -> Path:
        """The link to the composed repository."""
        return self.folder / "repo"

    @property
    def store(self) -> Store:
        return Store(self.folder / "store")

    @property
    def macros(self) -> Macros:
        return _macros(self.workspace, self.target, self.mock_config)

    @property
    def base_repository(self) -> Path | None:
        """The embedded base's repository; None where the base is remote."""
        return self.workspace.base(self.target.base) / "repo" if self.target.embedded else None

    @property
    def epoch(self) -> int:
        """Newest %changelog date of all packages: the time that the repository and the ISO carry."""
        return max((package.changelog_time for package in self.built.values()), default=0)

    @cached_property
    def left_out(self) -> dict[str, str]:
        """Packages that are not for the target's architecture, and why."""
        reasons = {name: package.refuses(self.target.arch) for name, package in self.packages.items()}
        return {name: reason for name, reason in reasons.items() if reason}

    @cached_property
    def built(self) -> dict[str, Package]:
        return {name: package for name, package in self.packages.items() if name not in self.left_out}

    @cached_property
    def graph(self) -> Graph:
        return build_graph(self.built, self._base_offers())

    @cached_property
    def buildroot_digest(self) -> str:
        """What decides the content of an empty buildroot, whatever folder the workspace is in."""
        conf = self.mock_config.dnf_conf.replace(str(self.workspace.root), "$workspace")
        base = repo.digest(self.base_repository) if self.base_repository else ""
        parts = [self.mock_config.arch, *self.mock_config.setup_command, conf, base]
        parts += [] if self.target.embedded else [self.mock_config.releasever]
        parts += [f"{name} {body}" for name, body in sorted(self.mock_config.macros.items())]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()

    def rendered(self, package: str) -> Path:
        return _rendered(self.workspace, self.target_name, package)

    def inputs(self, package: str, dependencies: Mapping[str, str]) -> Inputs:
        """All that decides a package's result, given the digests of what its dependencies made."""
        recipe, parsed = self.recipes[package], self.packages[package]
        local = local_files(recipe, parsed)
        patches = {Path(patch.name).name for patch in recipe.queue.patches}
        digests = {name: digest_of(path, "SHA256") for name, path in local.items()}
        return fingerprint.inputs(
            spec=digest_of(self.rendered(package), "SHA256"),
            buildroot=self.buildroot_digest,
            sources={source.name: source.checksum.value for source in remote_sources(recipe, parsed)},
            patches={name: digest for name, digest in digests.items() if name in patches},
            files={name: digest for name, digest in digests.items() if name not in patches},
            dependencies=dependencies,
        )

    def _base_offers(self) -> Callable[[str], bool] | None:
        if self.base_repository is None or not self.base_repository.exists():
            return None
        return repo.read_index(self.base_repository).offers


def load_project(workspace: Workspace, config: Config, target_name: str) -> Project:
    """Load, render and parse everything; all mistakes of one kind are reported at once."""
    target = config.targets[target_name]
    mock_config = load_mock_config(workspace.mock_configs / f"{target_name}.cfg", workspace.cache / "mock-configs")
    if mock_config.arch != target.arch:
        message = f"config_opts['target_arch'] is '{mock_config.arch}', but the target's arch is '{target.arch}'"
        raise ConfigError([Problem(mock_config.path, 0, message)], "make planex.yaml and the mock configuration agree")
    recipes = find_recipes(workspace, target.guards)
    paths = render_all(workspace, config, target_name, recipes)
    packages = parse_specs(paths, _macros(workspace, target, mock_config), workspace.cache / "specs")
    _require_queues_named(recipes, packages)
    return Project(workspace, config, target_name, target, mock_config, recipes, packages)


def _require_queues_named(recipes: Mapping[str, Recipe], packages: Mapping[str, Package]) -> None:
    """Every patch of a queue must be a PatchN of the parsed spec, or it would be left out without a word."""
    problems = []
    for name, recipe in recipes.items():
        named = {source.file_name for source in packages[name].sources if source.kind == "patch"}
        left_out = [Path(patch.name).name for patch in recipe.queue.patches if Path(patch.name).name not in named]
        if left_out:
            problems.append(
                Problem(recipe.template, 0, f"does not name the patches of its queue: {', '.join(left_out)}")
            )
    if problems:
        raise ConfigError(
            problems, "put {{ patch_lines }} on a line of its own behind the Source lines, outside any %if"
        )


def render_all(
    workspace: Workspace, config: Config, target_name: str, recipes: Mapping[str, Recipe]
) -> dict[str, Path]:
    """Write every package's rendered spec, where its text changed; name to path."""
    paths = {name: _rendered(workspace, target_name, name) for name in recipes}
    for name, text in render_specs(recipes, config, target_name, workspace.cache / "templates").items():
        if not paths[name].exists() or paths[name].read_bytes() != text.encode("utf-8", "surrogateescape"):
            write_atomic(paths[name], text)
    return paths


def require_base(project: Project) -> None:
    """Error with the command to type if the embedded base has not been made yet."""
    base = project.base_repository
    if base is not None and not (base / "repodata" / "repomd.xml").exists():
        raise PlanexError(f"the base '{project.target.base}' has not been made yet", "make it: planex base build")


def _rendered(workspace: Workspace, target_name: str, package: str) -> Path:
    return workspace.target(target_name) / "rendered" / package / f"{package}.spec"


def _macros(workspace: Workspace, target: Target, mock_config: MockConfig) -> Macros:
    return target_macros(workspace.base(target.base), workspace.cache, mock_config.macros)
