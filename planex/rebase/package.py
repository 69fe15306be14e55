# SPDX-License-Identifier: LGPL-2.1-or-later
"""One package's queue in its workspace: its source, its git cache, its shared solutions, upstream's history."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from planex.content import shelf
from planex.distro.project import Project
from planex.drafts import write_atomic
from planex.git import rerere
from planex.git.repository import Repository
from planex.patchqueue.carry.forecast import Forecaster, Version
from planex.patchqueue.carry.history import UpstreamHistory, fetch_tags
from planex.patchqueue.carry.judge import Orders, ProofFinder
from planex.patchqueue.commits.commits import Chain, build_chain
from planex.patchqueue.commits.sourcecommit import import_source
from planex.patchqueue.format.queue import PatchQueue, load_queue
from planex.rebase.versions import Goal, current, goal
from planex.report import Task

_ASK_AGAIN_SECONDS = 24 * 3600
"""How long a tag that could not be fetched is not asked for again."""
_DRAFTS = ("*", "repo.git/planex", "repo.git/planex/*")
"""Folders that hold drafts while a queue is worked on."""


@dataclass(frozen=True)
class PackageQueue:
    """What the commands work on. ``guards`` are chosen besides those of the target and the package."""

    project: Project
    name: str
    guards: frozenset[str] = frozenset()
    offline: bool = False

    @cached_property
    def queue(self) -> PatchQueue:
        loaded = self.project.recipes[self.name].queue
        return load_queue(loaded.folder, loaded.guards | self.guards) if self.guards else loaded

    def reload(self) -> PatchQueue:
        """The queue as it is on disk now."""
        return load_queue(self.queue.folder, self.queue.guards)

    @property
    def home(self) -> Path:
        return self.project.workspace.cache / "patchqueue" / self.name

    @property
    def shared_solutions(self) -> Path:
        return self.queue.folder / rerere.FOLDER

    @property
    def _index(self) -> Path:
        """What is known of upstreams' commits; they are the same whatever package asks."""
        return self.project.workspace.cache / "patchqueue" / "history.sqlite"

    @cached_property
    def repository(self) -> Repository:
        """The bare repository that holds imports, queues as commits, and what forecasts made."""
        return Repository.create(self.home / "repo.git", bare=True)

    def sweep(self) -> None:
        """Take away drafts and scratch folders that a killed run left behind."""
        places = (path for name in _DRAFTS for path in self.home.glob(name))
        if shelf.sweep([self.project.workspace.trees, self.home, *places]):
            self.repository.attempt("worktree", "prune")

    def current(self, task: Task) -> Version:
        return current(self.project, self.name, task, offline=self.offline)

    def goal(self, wanted: str, settings: Mapping[str, str], task: Task) -> Goal:
        return goal(self.project, self.name, wanted, settings, task)

    def chain(self, version: Version) -> Chain:
        """The queue as commits on a version."""
        base = import_source(self.repository, version.source, version.label, version.checksum)
        return build_chain(self.repository, base, self.queue.applied)

    def forecaster(
        self, old: Version, orders: Orders | None = None, commits: Mapping[str, str] | None = None
    ) -> Forecaster:
        """Works out what becomes of the queue. ``commits``: as ``upstream_commits`` gives them."""
        rerere.bring(self.shared_solutions, self.repository)
        known = commits or {}
        return Forecaster(
            self.repository,
            old,
            self.queue.applied,
            orders or Orders(),
            self.shared_solutions,
            self._proofs(old, known),
            " ".join(f"{label}={commit}" for label, commit in sorted(known.items())),
        )

    def upstream_commits(self, old: Version, aims: Iterable[Goal]) -> dict[str, str]:
        """Version label to upstream's commit, for the versions whose tag upstream's repository has.

        Empty where the recipe names no repository. One that cannot be reached is asked again the next day.
        """
        upstream = self.project.recipes[self.name].settings.upstream
        if upstream is None:
            return {}
        tags = {old.label: self._tag(upstream.tag, {})}
        tags |= {aim.version.label: self._tag(upstream.tag, aim.variables) for aim in aims}
        asked = self.home / "asked"
        wait = asked.exists() and time.time() - asked.stat().st_mtime < _ASK_AGAIN_SECONDS
        found = fetch_tags(self.repository, "" if wait or self.offline else upstream.git, filter(None, tags.values()))
        if len(found) < len(set(tags.values())) and not wait:
            write_atomic(asked, "")
        return {label: found[tag] for label, tag in tags.items() if tag in found}

    def _tag(self, pattern: str, variables: Mapping[str, str]) -> str:
        values = {**self.project.recipes[self.name].settings.variables, **variables}
        with suppress(KeyError, ValueError, IndexError):
            return pattern.format(**values)
        return ""

    def _proofs(self, old: Version, known: Mapping[str, str]) -> Callable[[Version], ProofFinder | None]:
        def finder(version: Version) -> ProofFinder | None:
            if old.label not in known or version.label not in known:
                return None
            span = known[old.label], known[version.label]
            return UpstreamHistory(self.repository, self.chain(old), *span, self._index).finding

        return finder


def open_queue(project: Project, name: str, guards: Sequence[str] = (), *, offline: bool = False) -> PackageQueue:
    """The queue of a package of the workspace; an unknown name is an error with the nearest known one."""
    (known,) = project.choose([name])
    return PackageQueue(project, known, frozenset(guards), offline)
