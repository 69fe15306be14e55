# SPDX-License-Identifier: LGPL-2.1-or-later
"""The git tree in which a person solves a conflict: set up, looked at, and taken over."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from planex.content import shelf
from planex.errors import PlanexError
from planex.git import rerere
from planex.git.repository import Repository
from planex.patchqueue.carry.verdict import Fate, Verdict
from planex.patchqueue.commits.checkout import BRANCH, UPSTREAM
from planex.patchqueue.commits.commits import Chain, Link
from planex.patchqueue.commits.export import read_commits

_MARKER = re.compile(rb"^(?:<{7} |>{7} )", re.MULTILINE)


class NotResolved(PlanexError):
    """The person has not finished with a conflict."""


@dataclass(frozen=True, slots=True)
class Solution:
    """What the person made of a patch: the top commit if they committed it, and its tree."""

    commit: str | None
    tree: str


class ConflictTree:
    """A tree below ``trees/``; the cache has all the objects."""

    def __init__(self, folder: Path, cache: Repository, solutions: Path) -> None:
        self.folder = folder
        self._cache = cache
        self._solutions = solutions

    def show(self, chain: Chain, link: Link, base: str, before: str, verdict: Verdict) -> None:
        """Put the tree at ``before`` and pick the patch, so that git marks the conflict; or stage what is proposed."""
        tree = Repository.create(self.folder, bare=False)
        tree.copy_objects(self._cache)
        for name, commit in ((UPSTREAM, base), ("old-upstream", chain.base.commit), ("old-queue", chain.head)):
            tree.set_ref(f"refs/heads/{name}", commit)
        rerere.bring(self._solutions, tree)
        fresh = tree.resolve("HEAD") is None
        if not fresh and tree.git("status", "--porcelain", "--untracked-files=no"):
            raise PlanexError(f"{self.folder} has changes that are not committed", "commit them or put them aside")
        tree.attempt("rerere", "clear")
        tree.git("checkout", "--quiet", *(["--force"] if fresh else []), "-B", BRANCH, before)
        if link.applies:
            staged = ["--no-commit"] if verdict.status in (Fate.DOUBTFUL, Fate.PROPOSAL) else []
            tree.attempt("cherry-pick", "--allow-empty", *staged, link.commit)
        if verdict.status is Fate.PROPOSAL:  # git has seen the conflict now, so it records how it is solved
            tree.git("read-tree", "--reset", "-u", verdict.tree)

    def reset(self) -> None:
        """Undo a set-up that was interrupted, locks of the dead git included."""
        if not (self.folder / ".git" / "HEAD").exists() or Repository(self.folder).resolve("HEAD") is None:
            shelf.remove(self.folder)
            return
        (self.folder / ".git" / "index.lock").unlink(missing_ok=True)
        self.leave()

    def lags_behind(self, commit: str) -> bool:
        """Whether the tree has not been moved on to a commit that was made of its solution."""
        if not self.folder.exists():
            return False
        tree = Repository(self.folder)
        return tree.resolve(commit) is None or tree.attempt("merge-base", "--is-ancestor", commit, "HEAD")[0] != 0

    def solution(self, before: str) -> Solution:
        """What the person left in the tree. Raises NotResolved, naming what is still to do."""
        tree = Repository(self.folder)
        if tree.git("rev-parse", "HEAD") != before:
            return self._committed(tree, before)
        self._stage(tree)
        tree.git("rerere")
        result = tree.git("write-tree")
        if result == tree.git("rev-parse", f"{before}^{{tree}}"):
            raise NotResolved(
                "nothing is left of the patch",
                "take it out of the queue with --drop 'REASON', or leave it out for now with --skip",
            )
        return Solution(None, result)

    def take_over(self, commit: str) -> None:
        """Move the tree on to the commit that was made of the solution, and share the solution."""
        tree = Repository(self.folder)
        tree.copy_objects(self._cache)
        tree.attempt("cherry-pick", "--quit")
        tree.git("checkout", "--quiet", "--force", "-B", BRANCH, commit)
        rerere.share(tree, self._solutions)
        rerere.bring(self._solutions, self._cache)

    def give_objects(self) -> None:
        """Let the cache have what the person made."""
        self._cache.copy_objects(Repository(self.folder))

    def leave(self) -> None:
        """Undo the pick, for a patch that is skipped or dropped."""
        if self.folder.exists():
            tree = Repository(self.folder)
            tree.attempt("rerere", "clear")  # else git would take what the reset leaves for the solution
            tree.attempt("cherry-pick", "--quit")
            tree.git("reset", "--quiet", "--hard")

    def is_clean(self) -> bool:
        """Whether the tree holds nothing that is not in a commit."""
        return not Repository(self.folder).git("status", "--porcelain", "--untracked-files=normal")

    def delete(self) -> None:
        """Take the tree away; only after ``is_clean``."""
        shelf.remove(self.folder)

    def _picking(self, tree: Repository) -> bool:
        return (tree.git_dir / "CHERRY_PICK_HEAD").exists() or bool(tree.git("ls-files", "--unmerged"))

    def untouched(self, before: str) -> bool:
        """Whether there is no sign of a conflict or of work: the tree was never set up, or all was undone."""
        if not (self.folder / ".git").exists():
            return True
        tree = Repository(self.folder)
        at_rest = not self._picking(tree) and not tree.git("status", "--porcelain", "--untracked-files=no")
        return at_rest and tree.resolve("HEAD") in (None, before)

    def _committed(self, tree: Repository, before: str) -> Solution:
        if tree.git("status", "--porcelain", "--untracked-files=no"):
            raise NotResolved(f"{self.folder} has changes that are not committed", "commit them, then --continue")
        head = tree.git("rev-parse", "HEAD")
        read_commits(tree, before, head)
        return Solution(head, tree.git("rev-parse", "HEAD^{tree}"))

    def _stage(self, tree: Repository) -> None:
        unmerged = _unmerged(tree)
        texts = [path for path, stages in unmerged.items() if {"2", "3"} <= stages]
        others = [path for path in unmerged if path not in texts]
        marked = [path for path in texts if _has_markers(self.folder / path)]
        if marked or others:
            raise NotResolved("\n".join(_still_to_do(marked, others)), f"work in {self.folder}, then --continue")
        tree.git("add", "--update")
        staged = tree.git("diff", "--cached", "--name-only", "-z", "HEAD").split("\0")
        left = [path for path in staged if path and _has_markers(self.folder / path)]
        if left and (found := _new_markers(tree, left)):
            raise NotResolved("\n".join(_still_to_do(found, [])), f"work in {self.folder}, then --continue")


def _still_to_do(marked: Sequence[str], others: Sequence[str]) -> list[str]:
    lines = [f"{path} still has conflict markers" for path in marked]
    return lines + [f"{path} is deleted on one side: git add it to keep it, or git rm it" for path in others]


def _unmerged(tree: Repository) -> dict[str, set[str]]:
    """Path to the stages that the index has of it."""
    found: dict[str, set[str]] = {}
    for record in tree.git("ls-files", "--unmerged", "-z").split("\0"):
        if record:
            fields, _, path = record.partition("\t")
            found.setdefault(path, set()).add(fields.split()[2])
    return found


def _has_markers(path: Path) -> bool:
    return path.is_file() and not path.is_symlink() and bool(_MARKER.search(path.read_bytes()))


def _new_markers(tree: Repository, paths: Sequence[str]) -> list[str]:
    """Those whose markers are not upstream's own (documentation has lines that look like them)."""
    found = []
    for path in paths:
        status, text, _ = tree.attempt("show", f"HEAD:{path}")
        if status or not _MARKER.search(text.encode("utf-8", "surrogateescape")):
            found.append(path)
    return found
