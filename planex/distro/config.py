# SPDX-License-Identifier: LGPL-2.1-or-later
"""planex.yaml: the distro and its targets."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from planex.cage.limits import Limits
from planex.errors import ConfigError, MissingTool, Problem
from planex.fields import Name, Size, Time, Version, Words, as_tuple
from planex.nearest import did_you_mean
from planex.run import find
from planex.schema import Model, load
from planex.sharing.settings import StoreSettings
from planex.sources.limits import Download, Downloads
from planex.trust.settings import SignSettings
from planex.workspace import Workspace

MAX_JOBS = 1024
"""Packages built at once, far more than any machine can."""
RESERVED = ("base", "cache", "downloads")


class LimitSettings(Model):
    """What a build may use: ``time`` as ``2h``, ``memory``, ``disk`` and ``output`` (its log) as ``8G``."""

    time: Time | None = None
    memory: Size | None = None
    processes: Annotated[int, Field(ge=16)] | None = None
    disk: Size | None = None
    output: Size | None = None


class BaseIso(Download):
    """A base ISO, and what proves that it is the distribution's."""

    key: Name | None = None
    """File in repos/ with the distribution's public key."""
    signature: str | None = None
    """URL of a detached, armoured signature: of the ISO, or of the list."""
    checksums: str | None = None
    """URL of a list of checksums, where the distribution signs that."""

    @property
    def file_name(self) -> str:
        return self.url.rsplit("/", 1)[-1]

    @model_validator(mode="after")
    def _check(self) -> Self:
        if (self.key is None) != (self.signature is None) or (self.checksums and not self.signature):
            raise ValueError("'key' and 'signature' belong together, and 'checksums' is what they are of")
        return self


class Target(Model):
    """A mock configuration, a base and an architecture."""

    base: Name
    """Name of the base: ``repos/<base>.repo`` says where its packages come from."""
    embedded: bool = False
    """The base is made on this machine by ``planex base build`` from ``repos/<base>.yaml``."""
    arch: Literal["x86_64"] = "x86_64"
    builder: Literal["auto", "mock", "sandbox"] = "auto"
    """``auto``: sandbox where the base is embedded, else mock."""
    base_iso: BaseIso | None = None
    """The base ISO to respin; an embedded base makes its own."""
    guards: Words = ()
    """Guards chosen in every patch queue when building for this target."""


Weight = Literal["required", "warning", "remark", "off"]
"""What becomes of a build that breaks a rule: it fails, says so, says so to the curious (-v), or nothing."""


class LintSettings(Model):
    """How much each rule of ``planex.engine.lint`` weighs."""

    usr_local: Weight = "warning"
    setuid: Weight = "remark"
    world_writable: Weight = "warning"
    wrong_arch: Weight = "warning"
    undeclared_soname: Weight = "warning"


class Config(Model):
    """The whole of planex.yaml."""

    name: Name
    """Of the distro; used in file names and ``/etc/os-release`` (``ID``)."""
    version: Version
    vendor: str
    summary: str = ""
    url: str = ""
    jobs: Annotated[int, Field(ge=1, le=MAX_JOBS)] | None = None
    """Packages built at once; default: one for each two cores, at least two where there are two cores."""
    limits: LimitSettings = LimitSettings()
    """Of the build of every package; package.yaml may say otherwise for one."""
    downloads: Downloads = Downloads()
    """Limits of every download."""
    lint: LintSettings = LintSettings()
    """What is looked for in what builds leave."""
    autorelease: bool = False
    """Count the releases of packages by git history; package.yaml may say otherwise for one."""
    sign: SignSettings | None = None
    """Who signs the repository and the ISO; nobody where it is missing."""
    store: Annotated[tuple[StoreSettings, ...], BeforeValidator(as_tuple)] = ()
    """Shared stores, in the order in which they are asked."""
    targets: dict[Name, Target] = Field(min_length=1)
    """In order of preference: the first whose needs this machine meets is the default."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        urls = [store.url for store in self.store]
        if twice := sorted({url for url in urls if urls.count(url) > 1}):
            raise ValueError(f"lists a store twice: {', '.join(twice)}")
        return self


def build_limits(config: Config, package: LimitSettings) -> Limits:
    """What the build of a package may use: what package.yaml says, else planex.yaml, else the defaults."""
    given = [settings.model_dump(exclude_none=True) for settings in (config.limits, package)]
    return Limits(**{**given[0], **given[1]})


def load_config(workspace: Workspace) -> Config:
    """Read and check planex.yaml and that the files of each target are there."""
    config = load(workspace.config, Config)
    problems = [
        Problem(path, 0, f"file not found; target '{name}' in {workspace.config.name} needs it")
        for name, target in config.targets.items()
        for path in _needed_files(workspace, name, target)
        if not path.is_file()
    ]
    problems += [
        Problem(workspace.config, 0, f"a target cannot be called '{name}': planex keeps other things in _build/{name}")
        for name in config.targets
        if name in RESERVED
    ]
    if problems:
        raise ConfigError(problems)
    return config


def _needed_files(workspace: Workspace, name: str, target: Target) -> list:  # type: ignore[type-arg]
    files = [workspace.mock_configs / f"{name}.cfg", workspace.repos / f"{target.base}.repo"]
    return [*files, workspace.repos / f"{target.base}.yaml"] if target.embedded else files


def choose_target(config: Config, name: str | None) -> str:
    """The target asked for, else the first whose needs this machine meets, else the first."""
    if name is None:
        usable = [name for name, target in config.targets.items() if not unmet_needs(target)]
        return usable[0] if usable else next(iter(config.targets))
    if name not in config.targets:
        raise ConfigError(
            f"no target '{name}' in planex.yaml{did_you_mean(name, list(config.targets))}",
            f"targets: {', '.join(config.targets)}",
        )
    return name


def unmet_needs(target: Target) -> list[str]:
    """Programs that must be here before this target can be built at all."""
    own = ["rpmbuild", "dnf"] if target.builder == "sandbox" else ["mock"]
    tools = ["apt-get", "dpkg-deb", "rpmbuild", "dnf"] if target.embedded else own
    return [tool for tool in tools if find(tool) is None]


def choose_builder_name(config: Config, target_name: str, asked: str | None = None) -> str:
    """``mock`` or ``sandbox``: the one asked for, else the target's. MissingTool where that would be mock, unsaid."""
    target = config.targets[target_name]
    name = asked or target.builder
    if name != "auto":
        return name
    if target.embedded:
        return "sandbox"
    if find("mock"):
        return "mock"
    hint = "install it, or let the sandbox build: --builder sandbox, or 'builder: sandbox' of the target in planex.yaml"
    message = f"target '{target_name}' is built with mock, which is not installed"
    raise MissingTool(message, f"{hint}{other_targets(config, target_name)}")


def other_targets(config: Config, target_name: str) -> str:
    """For the end of a hint: which target this machine can build, if there is another one."""
    usable = [name for name, target in config.targets.items() if name != target_name and not unmet_needs(target)]
    return f"; or take another target: --target {usable[0]}" if usable else ""
