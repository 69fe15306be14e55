# SPDX-License-Identifier: LGPL-2.1-or-later
"""A scratch work tree that holds only the files in conflict: for merges that need git's index (rerere)."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from planex.drafts import temporary_folder
from planex.git.repository import Repository

_SPARSE = ("-c", "core.sparseCheckout=true", "-c", "core.sparseCheckoutCone=false")


class Workbench:
    """Opened on first use; a context manager that takes the work tree away at the end."""

    def __init__(self, repository: Repository, at: str) -> None:
        self._repository = repository
        self._at = at
        self._stack = ExitStack()
        self._bench: Repository | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()
        if self._bench is not None:
            self._repository.attempt("worktree", "prune")

    def pick(self, ours: str, theirs: str, paths: Sequence[str]) -> str | None:
        """Cherry-pick commit ``theirs`` onto commit ``ours`` with the solutions that are recorded; the merged tree, or
        None if a conflict remains."""
        bench = self._open()
        self._show(bench, ours, paths)
        self._forget_conflicts()
        bench.attempt(*_SPARSE, "-c", "rerere.enabled=true", "cherry-pick", "--no-commit", theirs)
        self._forget_conflicts()
        if bench.git(*_SPARSE, "ls-files", "--unmerged"):
            return None
        return bench.git(*_SPARSE, "write-tree")

    def _show(self, bench: Repository, commit: str, paths: Sequence[str]) -> None:
        patterns = "".join(f"/{_escape(path)}\n" for path in paths) or "/nothing\n"
        self._patterns.parent.mkdir(exist_ok=True)
        self._patterns.write_text(patterns, "utf-8", "surrogateescape")
        bench.git(*_SPARSE, "read-tree", "--reset", "-u", commit)

    def _forget_conflicts(self) -> None:
        """git takes a file that lost its markers for solved: it must not, when only this bench was cleared."""
        self._conflicts.unlink(missing_ok=True)

    def _open(self) -> Repository:
        if self._bench is None:
            parent = self._stack.enter_context(temporary_folder(self._repository.path / "planex", "bench"))
            folder = parent / "tree"
            self._repository.git("worktree", "add", "--quiet", "--no-checkout", "--detach", folder, self._at)
            self._bench = Repository(folder)
            self._conflicts = Path(self._bench.git("rev-parse", "--git-path", "MERGE_RR"))
            self._patterns = Path(self._bench.git("rev-parse", "--git-path", "info/sparse-checkout"))
        return self._bench


def _escape(path: str) -> str:
    """A path as a pattern that means just this path."""
    return "".join(f"\\{character}" if character in "*?[\\" else character for character in path)
