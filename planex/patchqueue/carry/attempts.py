# SPDX-License-Identifier: LGPL-2.1-or-later
"""What is tried when a patch conflicts, and how it is told that only an earlier patch is to blame.

In this order: a solution that a person recorded (rerere); the patch as it would be without the earlier ones that
are out; the patch as it was merged into a version between old and new; renames that are less alike, whole folders
that moved, other diff algorithms. Each is git's own merge and counts only if it has no conflict at all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from planex.git.pipes import Merger
from planex.git.repository import Repository
from planex.git.workbench import Workbench
from planex.patchqueue.apply.exact import lines_are_gone
from planex.patchqueue.carry.judge import NOT_IN, Attempt, Attempts, Judge
from planex.patchqueue.carry.verdict import KEPT, Fate, Verdict
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


class AllAttempts(Attempts):
    """Everything that is known to help. A context manager, for the scratch work tree."""

    def __init__(
        self, repository: Repository, at: str, bridges: Sequence[Bridge] = (), *, rerere: bool = False
    ) -> None:
        self._repository = repository
        self._bench = Workbench(repository, at)
        self._bridges = tuple(bridges)
        self._rerere = rerere
        self._lean = _Lean()
        self._forced = _Forced(self._bench)

    def __enter__(self) -> Self:
        self._bench.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bench.__exit__(kind, error, trace)

    def first(self, judge: Judge, link: Link, files: Sequence[str]) -> Attempt | None:
        position = len(judge.verdicts)
        ours = _commit(judge, judge.tree, link.parent)
        if self._rerere and (tree := self._bench.pick(ours, link.commit, files, rerere=True)):
            return Attempt("by a recorded solution", tree, Fate.RERERE)
        return (
            self._without_neighbours(judge, link, position)
            or self._over_bridges(judge, position)
            or self._other_ways(judge, link, ours, files)
        )

    def moot(self, judge: Judge, link: Link) -> tuple[str, ...]:
        out = _out_before(judge, link.patch.diff.paths)
        if not out:
            return ()
        before, after = self._lean.step(judge, len(judge.verdicts))
        return out if before == after else ()

    def blockers(self, judge: Judge, link: Link, files: Sequence[str]) -> tuple[str, ...]:
        out = _out_before(judge, [*files, *link.patch.diff.paths])
        if not out:
            return ()
        tree = self._forced.tree_before(judge, len(judge.verdicts))
        return out if judge.merge_trees(link.parent, link.commit, tree).clean else ()

    def _without_neighbours(self, judge: Judge, link: Link, position: int) -> Attempt | None:
        if not _out_before(judge, link.patch.diff.paths):
            return None
        before, after = self._lean.step(judge, position)
        if after in (None, before):
            return None
        base = _commit(judge, before, None)
        merge = judge.merge_trees(base, _commit(judge, str(after), base), judge.tree)
        found = merge.clean and merge.tree != judge.tree
        return Attempt("without the earlier patches that are out", merge.tree) if found else None

    def _over_bridges(self, judge: Judge, position: int) -> Attempt | None:
        for bridge in self._bridges:
            if step := bridge.step(position):
                merge = judge.merge_trees(*step, judge.tree)
                if merge.clean and merge.tree != judge.tree:
                    return Attempt(f"by way of {bridge.label}", merge.tree)
        return None

    def _other_ways(self, judge: Judge, link: Link, ours: str, files: Sequence[str]) -> Attempt | None:
        missing = any(judge.files.get(path) is None for path in link.patch.diff.paths)
        hopeless = not missing and lines_are_gone(link.patch.diff, judge.files)
        for how, options in () if hopeless else (_RENAMES, *_ALGORITHMS) if missing else _ALGORITHMS:
            tree = self._bench.pick(ours, link.commit, files, options)
            if tree and tree != judge.tree:
                return Attempt(how, tree)
        return self._moved_folders(judge, ours, link) if missing else None

    def _moved_folders(self, judge: Judge, ours: str, link: Link) -> Attempt | None:
        with Merger(self._repository, {"merge.directoryRenames": "true"}) as merger:
            merge = merger.merge(ours, link.commit)
        found = merge.clean and merge.tree != judge.tree
        return Attempt("by whole folders that moved", merge.tree) if found else None


class _Lean:
    """The old queue on its old source, without the patches that are out (and those that cannot do without them)."""

    def step(self, judge: Judge, position: int) -> tuple[str, str | None]:
        """Trees before and after the patch at ``position``; None if it cannot do without them."""
        links = judge.chain.links
        tree: str | None = None
        for number in related(links, position)[:-1]:
            if judge.verdicts[number].status in NOT_IN:
                tree = tree or links[number].parent_tree
            elif tree:
                tree = self._merge(judge, links[number], tree) or tree
        before = tree or links[position].parent_tree
        return before, self._merge(judge, links[position], before)

    def _merge(self, judge: Judge, link: Link, tree: str) -> str | None:
        merge = judge.merge_trees(link.parent, link.commit, tree)
        return merge.tree if merge.clean else None


class _Forced:
    """The new queue as if the patches that are out had been put in, by taking the patch's side in each conflict.

    It answers one question, whether a later patch would go in then; nothing of it is ever kept.
    """

    def __init__(self, bench: Workbench) -> None:
        self._bench = bench

    def tree_before(self, judge: Judge, position: int) -> str:
        """The tree that the patch at ``position`` would find."""
        tree: str | None = None
        for number in related(judge.chain.links, position)[:-1]:
            verdict, link = judge.verdicts[number], judge.chain.links[number]
            if tree is None:
                tree = self._put(judge, link, verdict.tree) if verdict.status in NOT_IN else None
            elif verdict.status is not Fate.UPSTREAMED:
                tree = self._put(judge, link, tree)
        return tree or judge.tree

    def _put(self, judge: Judge, link: Link, tree: str) -> str:
        merge = judge.merge_trees(link.parent, link.commit, tree)
        if merge.clean:
            return merge.tree
        ours = _commit(judge, tree, link.parent)
        return self._bench.pick(ours, link.commit, merge.files, ["theirs"]) or tree


def _commit(judge: Judge, tree: str, parent: str | None) -> str:
    return judge.repository.write_commit(tree, [parent] if parent else [], NOBODY, "ours\n")


def _out_before(judge: Judge, paths: Sequence[str]) -> tuple[str, ...]:
    """Patches that are out so far and touch one of the paths."""
    pairs = zip(judge.chain.links, judge.verdicts, strict=False)
    out = [link.patch for link, verdict in pairs if verdict.status in NOT_IN]
    return tuple(patch.name for patch in out if not set(paths).isdisjoint(patch.diff.paths))
