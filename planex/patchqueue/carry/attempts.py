# SPDX-License-Identifier: LGPL-2.1-or-later
"""What is tried when a patch conflicts, and how it is told that only an earlier patch is to blame.

In this order: a solution that a person recorded (rerere); the patch as it would be without the earlier ones that
are out; the patch as it was merged into a version between old and new; renames that are less alike, whole folders
that moved, other diff algorithms. Each is git's own merge and counts only if it has no conflict at all.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from types import TracebackType
from typing import Self

from planex.git.pipes import Merge, Merger
from planex.git.repository import Repository
from planex.git.workbench import Workbench
from planex.patchqueue.apply.exact import lines_are_gone
from planex.patchqueue.carry.stand import Attempt, Attempts, Stand
from planex.patchqueue.carry.verdict import KEPT, NOT_IN, Fate, Verdict
from planex.patchqueue.commits.commits import Link, related
from planex.patchqueue.format.message import NOBODY

_RENAMES = ("by renames down to 30 % alike", ("find-renames=30%",))
_ALGORITHMS = tuple((f"by {name} diff", (f"diff-algorithm={name}",)) for name in ("patience", "minimal", "myers"))


@dataclass(frozen=True, slots=True)
class Bridge:
    """The queue as it was carried to a version between old and new: its label and verdicts, and where it began."""

    label: str
    commit: str
    verdicts: tuple[Verdict, ...]

    def step(self, position: int) -> tuple[str, str] | None:
        """Commits before and after a patch, if it is in there."""
        if self.verdicts[position].status not in KEPT:
            return None
        before = self.verdicts[position - 1].commit if position else self.commit
        return before, self.verdicts[position].commit


class _Merges:
    """Merges into trees, by a process that is started for the first."""

    def __init__(self, repository: Repository) -> None:
        self.stack = ExitStack()
        self._repository = repository

    @cached_property
    def _merger(self) -> Merger:
        return self.stack.enter_context(Merger(self._repository))

    def commit(self, tree: str, parent: str | None) -> str:
        return self._repository.write_commit(tree, [parent] if parent else [], NOBODY, "ours\n")

    def step(self, base: str, theirs: str, tree: str) -> Merge:
        """Merge the step from commit ``base`` to its child ``theirs`` into a tree."""
        return self._merger.merge(self.commit(tree, base), theirs)


class AllAttempts(Attempts):
    """Everything that is known to help. A context manager, for the processes and the scratch work tree."""

    def __init__(
        self, repository: Repository, at: str, bridges: Sequence[Bridge] = (), *, rerere: bool = False
    ) -> None:
        self._repository = repository
        self._merges = _Merges(repository)
        self._bench = Workbench(repository, at)
        self._bridges = tuple(bridges)
        self._rerere = rerere
        self._lean = _Lean(self._merges)
        self._forced = _Forced(self._merges, self._bench)

    def __enter__(self) -> Self:
        self._bench.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bench.__exit__(kind, error, trace)
        self._merges.stack.__exit__(kind, error, trace)

    def first(self, stand: Stand, files: Sequence[str]) -> Attempt | None:
        link = stand.link
        ours = self._merges.commit(stand.tree, link.parent)
        if self._rerere and (tree := self._bench.pick(ours, link.commit, files, rerere=True)):
            return Attempt("by a recorded solution", tree, Fate.RERERE)
        return self._without_neighbours(stand) or self._over_bridges(stand) or self._other_ways(stand, ours, files)

    def moot(self, stand: Stand) -> tuple[str, ...]:
        out = stand.out_before(stand.link.patch.diff.paths)
        if not out:
            return ()
        before, after = self._lean.step(stand)
        return out if before == after else ()

    def blockers(self, stand: Stand, files: Sequence[str]) -> tuple[str, ...]:
        link = stand.link
        out = stand.out_before([*files, *link.patch.diff.paths])
        if not out:
            return ()
        tree = self._forced.tree_before(stand)
        return out if self._merges.step(link.parent, link.commit, tree).clean else ()

    def _without_neighbours(self, stand: Stand) -> Attempt | None:
        if not stand.out_before(stand.link.patch.diff.paths):
            return None
        before, after = self._lean.step(stand)
        if after in (None, before):
            return None
        base = self._merges.commit(before, None)
        merge = self._merges.step(base, self._merges.commit(str(after), base), stand.tree)
        found = merge.clean and merge.tree != stand.tree
        return Attempt("without the earlier patches that are out", merge.tree) if found else None

    def _over_bridges(self, stand: Stand) -> Attempt | None:
        for bridge in self._bridges:
            if step := bridge.step(stand.position):
                merge = self._merges.step(*step, stand.tree)
                if merge.clean and merge.tree != stand.tree:
                    return Attempt(f"by way of {bridge.label}", merge.tree)
        return None

    def _other_ways(self, stand: Stand, ours: str, files: Sequence[str]) -> Attempt | None:
        link = stand.link
        missing = any(stand.files.get(path) is None for path in link.patch.diff.paths)
        hopeless = not missing and lines_are_gone(link.patch.diff, stand.files)
        for how, options in () if hopeless else (_RENAMES, *_ALGORITHMS) if missing else _ALGORITHMS:
            tree = self._bench.pick(ours, link.commit, files, options)
            if tree and tree != stand.tree:
                return Attempt(how, tree)
        return self._moved_folders(stand, ours) if missing else None

    def _moved_folders(self, stand: Stand, ours: str) -> Attempt | None:
        with Merger(self._repository, {"merge.directoryRenames": "true"}) as merger:
            merge = merger.merge(ours, stand.link.commit)
        found = merge.clean and merge.tree != stand.tree
        return Attempt("by whole folders that moved", merge.tree) if found else None


class _Lean:
    """The old queue on its old source, without the patches that are out (and those that cannot do without them)."""

    def __init__(self, merges: _Merges) -> None:
        self._merges = merges

    def step(self, stand: Stand) -> tuple[str, str | None]:
        """Trees before and after the patch in question; None if it cannot do without them."""
        links = stand.links
        tree: str | None = None
        for number in related(links, stand.position)[:-1]:
            if stand.verdicts[number].status in NOT_IN:
                tree = tree or links[number].parent_tree
            elif tree:
                tree = self._merge(links[number], tree) or tree
        before = tree or stand.link.parent_tree
        return before, self._merge(stand.link, before)

    def _merge(self, link: Link, tree: str) -> str | None:
        merge = self._merges.step(link.parent, link.commit, tree)
        return merge.tree if merge.clean else None


class _Forced:
    """The new queue as if the patches that are out had been put in, by taking the patch's side in each conflict.

    It answers one question, whether a later patch would go in then; nothing of it is ever kept.
    """

    def __init__(self, merges: _Merges, bench: Workbench) -> None:
        self._merges = merges
        self._bench = bench

    def tree_before(self, stand: Stand) -> str:
        """The tree that the patch in question would find."""
        tree: str | None = None
        for number in related(stand.links, stand.position)[:-1]:
            verdict, link = stand.verdicts[number], stand.links[number]
            if tree is None:
                tree = self._put(link, verdict.tree) if verdict.status in NOT_IN else None
            elif verdict.status is not Fate.UPSTREAMED:
                tree = self._put(link, tree)
        return tree or stand.tree

    def _put(self, link: Link, tree: str) -> str:
        merge = self._merges.step(link.parent, link.commit, tree)
        if merge.clean:
            return merge.tree
        ours = self._merges.commit(tree, link.parent)
        return self._bench.pick(ours, link.commit, merge.files, ["theirs"]) or tree
