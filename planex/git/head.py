# SPDX-License-Identifier: LGPL-2.1-or-later
"""At which commit a folder that a person works in stands, and what differs there from the commit."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from planex.errors import PlanexError
from planex.git.repository import Repository


@dataclass(frozen=True, slots=True)
class WorkHead:
    """``changes``: lines of ``git status --porcelain``, of files that git does not ignore."""

    commit: str
    subject: str
    changes: tuple[str, ...]


def read_head(folder: Path) -> WorkHead:
    """Where a folder of a work tree stands. Raises PlanexError outside of one, or before the first commit."""
    repository = Repository(folder)
    status, text, _ = repository.attempt("log", "-1", "--format=%H %s")
    if status:
        raise PlanexError(f"{folder} is at no commit of a git repository", "git init, git add, git commit")
    changes = repository.git("status", "--porcelain", "--untracked-files=normal", "--", ".").splitlines()
    commit, _, subject = text.strip().partition(" ")
    return WorkHead(commit, subject, tuple(changes))


def commits_between(folder: Path, old: str, new: str, most: int = 200) -> tuple[str, ...]:
    """``<12 digits> <subject>`` of each commit that changed the folder, newest first; none where git knows not both."""
    form = ("--format=%h %s", "--abbrev=12", f"--max-count={most}")
    status, text, _ = Repository(folder).attempt("log", *form, f"{old}..{new}", "--", ".")
    return tuple(text.splitlines()) if status == 0 else ()


def line_between(folder: Path, old: str, new: str) -> tuple[str, ...]:
    """``<12 digits> <subject>`` of the commits that changed the folder, oldest first; a merge is one of them, what it
    merged is not. PlanexError where git knows not both."""
    form = ("--format=%h %s", "--abbrev=12", "--first-parent", "--reverse")
    status, text, _ = Repository(folder).attempt("log", *form, f"{old}..{new}", "--", ".")
    if status:
        raise PlanexError(f"{folder} has not both of the commits {old[:12]} and {new[:12]}", "git fetch --unshallow")
    return tuple(text.splitlines())
