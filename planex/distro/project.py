# SPDX-License-Identifier: LGPL-2.1-or-later
"""A workspace as seen by one target: everything loaded, rendered, parsed and checked."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from planex.checksums import digest_of_text
from planex.distro.config import Config, Target
from planex.distro.recipe import Recipe, find_recipes, no_packages, render_specs, require_known
from planex.distro.releases import with_releases
from planex.drafts import write_atomic
from planex.errors import ConfigError, PlanexError, Problem, joined
from planex.rpm import repo
from planex.rpm.mockconfig import MockConfig, load_mock_config
from planex.rpm.spec import Macros, Package, SpecFile, parse_specs, target_macros
from planex.trust.signer import Signer, signer_of
from planex.workspace import Workspace

BOOTSTRAP = "~bootstrap"


@dataclass(frozen=True)
class Project:
    """The packages of a workspace for one target.

    ``packages``: all that could be read; ``broken``: the others, and why; ``built``: those of ``packages`` that are
    for the target's architecture. ``bootstraps``: what can be built besides, with the build condition ``bootstrap``,
    to open a circle: ``NAME~bootstrap``, which is no name that an RPM can have.
    """

    workspace: Workspace
    config: Config
    target_name: str
    target: Target
    mock_config: MockConfig
    recipes: Mapping[str, Recipe]
    packages: Mapping[str, Package]
    broken: Mapping[str, ConfigError]
    bootstraps: Mapping[str, Package] = field(default_factory=dict)

    def recipe(self, name: str) -> Recipe:
        """Of a package, or of one that is built with ``bootstrap``."""
        return self.recipes[name.removesuffix(BOOTSTRAP)]

    def package(self, name: str) -> Package:
        """As ``recipe``."""
        return self.bootstraps.get(name) or self.packages[name]

    @property
    def folder(self) -> Path:
        return self.workspace.target(self.target_name)

    @property
    def repository(self) -> Path:
        """The link to the composed repository."""
        return self.folder / "repo"

    @property
    def macros(self) -> Macros:
        return _macros(self.workspace, self.target, self.mock_config)

    def macros_of(self, name: str) -> Macros:
        """Under which a package is packed."""
        return _with_bootstrap(self.macros) if name in self.bootstraps else self.macros

    @cached_property
    def signer(self) -> Signer | None:
        """Who signs what is published; None where nobody does. PlanexError where its key cannot be used."""
        settings = self.config.sign
        return signer_of(settings, self.workspace, self.signed) if settings else None

    @property
    def signed(self) -> Path:
        """Signatures that were made, and copies of RPMs with signatures in them."""
        return self.folder / "signed"

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

    @property
    def names(self) -> list[str]:
        """Of all packages, broken or not."""
        return sorted({*self.packages, *self.broken})

    def left_alone(self, wanted: Collection[str]) -> list[str]:
        """What is wrong with files of others than ``wanted``, a sentence each; queues of no package are among them."""
        faults = {name: fault for name, fault in self.broken.items() if name not in wanted}
        return [f"{name} is left alone: {fault.message}" for name, fault in faults.items()]

    def choose(self, asked: Iterable[str]) -> list[str]:
        """The packages named, or all. Raises ConfigError for unknown names (with the nearest known) and broken ones."""
        asked = list(asked)
        if not (names := self.names):
            raise no_packages(self.workspace)
        require_known(asked, names)
        if faults := [error for name, error in self.broken.items() if not asked or name in asked]:
            raise joined(faults)
        return asked or list(self.packages)

    def choose_built(self, asked: Iterable[str]) -> list[str]:
        """As ``choose``, but for packages of other architectures; ConfigError where one is asked for."""
        asked = list(asked)
        names = self.choose(asked)
        for name in asked:
            if reason := self.left_out.get(name):
                raise ConfigError([Problem(self.rendered(name), 0, reason)], "choose another target: --target")
        return [name for name in names if name in self.built]

    @property
    def buildroots(self) -> Path:
        """Layers that packages are built on, and what dnf fetched for them."""
        return self.folder / "buildroots"

    def buildroot_digest(self, remote: str = "") -> str:
        """What decides the content of an empty buildroot: the configuration and all of the base.

        ``remote``: the digest of a remote base's metadata.
        """
        base = repo.digest(self.base_repository) if self.base_repository else remote
        return digest_of_text(f"{self.mock_config.digest} {base}")

    def leftovers(self, name: str) -> list[str]:
        """Macros of a spec that nothing defines, each told with its line.

        Only where all macros are known: those of a remote base are in packages that only its buildroots have.
        """
        known = self.macros.rpmconfig.is_relative_to(self.workspace.base(self.target.base))
        found = self.package(name).leftovers if known else ()
        path, target = self.workspace.relative(self.rendered(name)), self.target_name
        text = "is no macro of target {}, and stays as it is unless a BuildRequires brings it"
        return [f"{path}:{each.line}: {each.macro} {text.format(target)}" for each in found]

    def rendered(self, package: str) -> Path:
        return _rendered(self.workspace, self.target_name, package.removesuffix(BOOTSTRAP))


def load_project(workspace: Workspace, config: Config, target_name: str, *, tolerant: bool = False) -> Project:
    """Load, render and parse everything. All mistakes in packages are raised together; if ``tolerant``, kept."""
    target = config.targets[target_name]
    mock_config = _mock_config(workspace, target_name)
    if mock_config.arch != target.arch:
        message = f"config_opts['target_arch'] is '{mock_config.arch}', but the target's arch is '{target.arch}'"
        raise ConfigError([Problem(mock_config.path, 0, message)], "make planex.yaml and the mock configuration agree")
    broken: dict[str, ConfigError] = {}
    recipes = find_recipes(workspace, target.guards, broken)
    recipes = with_releases(recipes, config, target_name, workspace, broken)
    paths = _render(workspace, config, target_name, recipes, broken)
    specs = {name: SpecFile(path, recipes[name].folder) for name, path in paths.items()}
    macros = _macros(workspace, target, mock_config)
    packages = parse_specs(specs, macros, workspace.cache / "specs", broken)
    conditional = {name: specs[name] for name in packages if recipes[name].settings.bootstrap}
    bootstraps = _bootstraps(conditional, macros, workspace.cache / "specs", broken)
    for name in packages:
        if fault := _nameless_sources(recipes[name], packages[name]) or _unnamed_patches(recipes[name], packages[name]):
            broken[name] = fault
    if broken and not tolerant:
        raise joined(broken.values())
    packages = {name: package for name, package in packages.items() if name not in broken}
    return Project(workspace, config, target_name, target, mock_config, recipes, packages, broken, bootstraps)


def _bootstraps(
    specs: Mapping[str, SpecFile], macros: Macros, cache: Path, broken: dict[str, ConfigError]
) -> dict[str, Package]:
    parsed = parse_specs(specs, _with_bootstrap(macros), cache, broken) if specs else {}
    return {f"{name}{BOOTSTRAP}": package for name, package in parsed.items()}


def _with_bootstrap(macros: Macros) -> Macros:
    """What ``rpmbuild --with bootstrap`` defines."""
    return replace(macros, definitions={**macros.definitions, "%_with_bootstrap": "--with-bootstrap"})


def _unnamed_patches(recipe: Recipe, package: Package) -> ConfigError | None:
    """Every patch of a queue must be a PatchN of the parsed spec, or it would be left out without a word."""
    named = {source.file_name for source in package.sources if source.kind == "patch"}
    left_out = [Path(patch.name).name for patch in recipe.queue.patches if Path(patch.name).name not in named]
    if not left_out:
        return None
    problem = Problem(recipe.template, 0, f"does not name the patches of its queue: {', '.join(left_out)}")
    return ConfigError([problem], "put {{ patch_lines }} on a line of its own behind the Source lines, outside any %if")


def _nameless_sources(recipe: Recipe, package: Package) -> ConfigError | None:
    """A source is kept by the name behind its last slash, which must be one that a file can have."""
    problems = [
        Problem(recipe.template, recipe.line_of_tag(source.kind, source.number), f"{source.url} ends in no file's name")
        for source in package.sources
        if source.file_name in ("", ".", "..")
    ]
    hint = "a URL whose end is no name gets one behind #/, as in https://host/get?id=7#/name-1.0.tar.gz"
    return ConfigError(problems, hint) if problems else None


def _render(
    workspace: Workspace,
    config: Config,
    target_name: str,
    recipes: Mapping[str, Recipe],
    broken: dict[str, ConfigError],
) -> dict[str, Path]:
    """Write every package's rendered spec, where its text changed; name to path."""
    texts = render_specs(recipes, config, target_name, workspace.cache / "templates", broken)
    paths = {name: _rendered(workspace, target_name, name) for name in texts}
    for name, text in texts.items():
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


def macros_for(workspace: Workspace, config: Config, target_name: str) -> Macros:
    """The macros of a target, for specs that are not in the workspace yet."""
    return _macros(workspace, config.targets[target_name], _mock_config(workspace, target_name))


def _mock_config(workspace: Workspace, target_name: str) -> MockConfig:
    return load_mock_config(workspace.mock_configs / f"{target_name}.cfg", workspace.cache / "mock-configs")


def _macros(workspace: Workspace, target: Target, mock_config: MockConfig) -> Macros:
    return target_macros(workspace.base(target.base), workspace.cache, mock_config.macros)
