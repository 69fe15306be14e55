# SPDX-License-Identifier: LGPL-2.1-or-later
"""A project and what was made of it: its graph, its results, the base, and what goes into each package."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from planex.checksums import digest_of
from planex.content.key import Inputs, differences
from planex.content.store import Result, Store
from planex.distro.config import other_targets
from planex.distro.project import BOOTSTRAP, Project, require_base
from planex.distro.sources import file_rows, local_files, remote_sources
from planex.engine.buildroot import Buildroot, Buildroots, base_changes, read_base
from planex.engine.builtrpms import built_rpms
from planex.engine.dynamic import learn, recall
from planex.engine.graph import Graph, build_graph
from planex.engine.lacking import Advise, nothing_known
from planex.engine.plan import Plan, make_plan
from planex.engine.takeover import refuse_takeovers
from planex.errors import ConfigError, PlanexError, joined
from planex.rpm import repo
from planex.rpm.capability import Capability
from planex.rpm.index import Index

if TYPE_CHECKING:
    from planex.rpm.remote import RemoteBase
    from planex.sharing.depots import Depots


class LateNeed(PlanexError):
    """A build showed that the package needs what the plan builds later or not at all; the next plan knows."""


@dataclass(frozen=True)
class Workshop:
    """Where the packages of a project are planned and built. It gives a plan its keys (``planex.engine.plan.Keys``)."""

    project: Project
    offline: bool = False
    advise: Advise = nothing_known
    depots: Depots | None = None
    """Shared stores, where there are any."""
    _own: dict[str, Inputs] = field(default_factory=dict)
    _generated: dict[str, tuple[Capability, ...]] = field(default_factory=dict)
    """What builds of this run asked for."""

    @cached_property
    def store(self) -> Store:
        return Store(self.project.folder / "store")

    @cached_property
    def base(self) -> Index | None:
        """What the base has; None where it was not made or never read. PlanexError where an embedded one is damaged."""
        folder, cache = self.project.base_repository, self.project.workspace.cache / "repositories"
        if folder is None:
            return self.remote.index if self.remote else None
        if not folder.exists():
            return None
        if lost := repo.lost(folder, cache):
            name = self.project.target.base
            raise PlanexError(f"the base '{name}' is damaged: {lost}", "make it again: planex base build")
        return repo.read_index(folder, cache)

    @cached_property
    def graph(self) -> Graph:
        built = self.project.built
        bootstraps = {name.removesuffix(BOOTSTRAP): name for name in self.project.bootstraps}
        found = {name: self.project.package(name) for name in (*built, *self.project.bootstraps)}
        broken, left_out = list(self.project.broken), self.project.left_out
        absent = {name: (self.project.packages[name], reason) for name, reason in left_out.items()}
        return build_graph(
            found,
            self.base,
            broken=broken,
            left_out=absent,
            hints=recall(self._learned),
            bootstraps=bootstraps,
            advise=self.advise,
        )

    @property
    def _learned(self) -> Path:
        return self.project.folder / "learned"

    def asks(self, package: str) -> tuple[Capability, ...]:
        """What a package's buildroot must have, as far as that is known."""
        if package in self._generated:
            return tuple(dict.fromkeys((*self.project.package(package).build_requires, *self._generated[package])))
        return self.graph.asks(package)

    def learn(self, package: str, generated: tuple[Capability, ...]) -> bool:
        """Keep what %generate_buildrequires of a package asked for; whether this was not known.

        LateNeed where it asks for what this plan does not build before.
        """
        known = set(self.asks(package))
        learn(self._learned, package, generated)
        if late := {maker: wanted for wanted in generated for maker in self.graph.too_late(package, wanted)}:
            texts = [f"{wanted}, which {maker} makes" for maker, wanted in sorted(late.items())]
            message = f"{package} also needs {'; '.join(texts)}: only its %generate_buildrequires could tell"
            raise LateNeed(message, "it is known from now on: run the same command again")
        self._generated[package] = generated
        return set(self.asks(package)) != known

    @cached_property
    def _buildroots(self) -> Buildroots:
        setup = self.remote.setup if self.remote else self.project.mock_config.setup_packages
        return Buildroots(self.graph, self.base, [Capability(word) for word in setup])

    @property
    def remote(self) -> RemoteBase | None:
        """What the mirrors of a remote base offer; None for an embedded base, and where nothing was ever read."""
        return None if isinstance(self._remote, PlanexError) else self._remote

    @cached_property
    def _remote(self) -> RemoteBase | PlanexError | None:
        if self.project.target.embedded:
            return None
        from planex.rpm.dnf import DNF_CACHE, Repositories  # only a remote base is asked by dnf
        from planex.rpm.remote import read_remote

        config, kept = self.project.mock_config, self.project.folder / "base.json"
        cache = self.project.buildroots / DNF_CACHE
        repositories = Repositories(
            config.dnf_conf, cache, releasever=config.releasever, offline=self.offline, database=config.database
        )
        try:
            return read_remote(repositories, config.setup_packages, kept)
        except PlanexError as error:
            return error

    def require_base(self) -> None:
        """PlanexError where there is nothing to build from."""
        require_base(self.project)
        if isinstance(self._remote, PlanexError):
            from planex.rpm.dnf import SEE_TO_NETWORK

            hint = f"{SEE_TO_NETWORK}{other_targets(self.project.config, self.project.target_name)}"
            hint = "run it once without --offline, which takes what was fetched before" if self.offline else hint
            message = f"the base '{self.project.target.base}' cannot be read: {self._remote.message}"
            raise PlanexError(message, self._remote.hint or hint)

    @property
    def buildroot_digest(self) -> str:
        """What decides the content of an empty buildroot."""
        return self.project.buildroot_digest(self.remote.digest if self.remote else "")

    def plan(self, wanted: Iterable[str], *, force: Collection[str] = ()) -> Plan:
        """Decide what to do for ``wanted`` and all they need. ConfigError with all that is wrong with any of these."""
        scope = self.graph.closure(wanted)
        self._refuse_faults(scope)
        replaces = {name: self.project.recipe(name).settings.replaces for name in scope}
        refuse_takeovers({name: self.project.package(name) for name in sorted(scope)}, self.base, replaces)
        return make_plan(self.graph, wanted, self, self.store, force=force)

    def _refuse_faults(self, scope: Collection[str]) -> None:
        if faults := [fault for name in sorted(scope) if (fault := self.fault(name))]:
            raise joined(faults)

    def fault(self, package: str) -> ConfigError | None:
        """Why a package cannot even be tried: its files, what it asks for, or a circle."""
        if package in self.project.broken:
            return self.project.broken[package]
        if package in self.graph.faults:
            return self.graph.faults[package]
        try:
            if package in self.project.built or package in self.project.bootstraps:
                local_files(self.project.recipe(package), self.project.package(package))
        except ConfigError as error:
            return error
        return None

    def require_checksums(self, plan: Plan) -> None:
        """Raise ConfigError for all sources that are to be fetched and have no checksum."""
        faults = []
        for step in plan.builds:
            try:
                remote_sources(self.project.recipe(step.package), self.project.package(step.package))
            except ConfigError as error:
                faults.append(error)
        if faults:
            raise joined(faults)

    def own(self, package: str) -> Inputs:
        """All that decides a result but for what is installed to build it. ConfigError where a file is missing."""
        if package not in self._own:
            self._own[package] = own_inputs(self.project, package)
        return self._own[package]

    def renew(self, package: str) -> Inputs:
        """Look at a package's own inputs again."""
        self._own[package] = own_inputs(self.project, package)
        return self._own[package]

    def buildroot(self, package: str) -> Buildroot:
        """What may be installed to build a package; all that comes before it must be settled."""
        return self._buildroots.of(package, self.asks(package))

    def whole(self, package: str) -> Inputs:
        return self.own(package) | self.buildroot(package).rows

    def reuse(self, package: str) -> bool:
        """Take an earlier result with the same key, if there is one."""
        result = self.store.find(package, self.whole(package).key)
        if result is None or not self.settle(package, result):
            return False
        self.store.use(package, result)
        return True

    def offer(self, package: str, key: str) -> str:
        """See ``Keys``."""
        if self.depots is None:
            return ""
        from planex.engine.offering import find  # seldom

        if (found := find(self.depots, package, key)) is None:
            return ""
        self._buildroots.settle(package, found.made)
        return found.held.depot.name

    def settle(self, package: str, result: Result) -> bool:
        """See ``Keys``. A result with an RPM that cannot be read counts as damaged from now on."""
        try:
            self._buildroots.settle(package, built_rpms(result))
        except repo.DamagedFile as error:
            self.store.condemn(error.path)
            return False
        return True

    def changes(self, package: str, old: Result, new: Inputs, *, pending: bool) -> tuple[str, ...]:
        """What changed since a result. What will be installed is left out while it is not known."""
        found = differences(old.inputs, new)
        if pending:
            return tuple(text for text in found if not text.startswith(("dependency ", "base ")))
        before, after = read_base(old.folder), self.buildroot(package).base
        named = base_changes(before, after) if before is not None and after is not None else []
        if not named:
            return found
        return (*(text for text in found if text != "base packages changed"), *named)


def own_inputs(project: Project, package: str) -> Inputs:
    """What a package itself brings: spec, sources, patches, files, and the configuration of its buildroot."""
    rows = {"spec": digest_of(project.rendered(package), "SHA256"), "buildroot": project.mock_config.digest}
    rows |= file_rows(project.recipe(package), project.package(package))
    if package in project.bootstraps:
        rows["bootstrap"] = "1"
    return Inputs.of(rows)
