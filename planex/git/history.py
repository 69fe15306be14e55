# SPDX-License-Identifier: LGPL-2.1-or-later
"""How often each part of a work tree was changed, counted over the whole history by one walk.

A count is the largest number of changes on any way through the history to the commit. So it never falls from a commit
to one made on it, it rises wherever the part is another one, and a merge adds nothing to what the merged commits did.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from pathlib import Path

from planex.git.door import run_git
from planex.git.quoting import unquote
from planex.git.repository import Repository

EMPTY_TREES = {
    40: "4b825dc642cb6eb9a060e54bf8d69288fbee4904",
    64: "6ef19b41225c5369f1c104d45d8d85efa9b057b53b14b4b9b939dd74decc5321",
}
"""By the digits of an id."""
_REPEATED = re.compile(r"[0-9a-f]{40,64} [0-9a-f]{40,64}")
"""A question to diff-tree, which it repeats before its answer. No path that is asked for looks so."""
_UNREPLACED = {"GIT_NO_REPLACE_OBJECTS": "1"}
"""What is replaced in one clone is not in another."""
UNSHALLOW = "get the others: git fetch --unshallow (for CI: fetch-depth: 0, GIT_DEPTH: 0)"
"""The hint where commits are lacking."""

Count = tuple[int, int]
"""Changes, and seconds since 1970 of the newest one."""


@dataclass(frozen=True, slots=True)
class Position:
    """Where a folder is. ``prefix``: its path in the repository, with a slash behind it, or empty."""

    commit: str
    tree: str
    prefix: str
    shallow: bool


@dataclass(frozen=True, slots=True)
class Walked:
    """A commit; ``when``: seconds since 1970, of the commit and not of its author."""

    id: str
    tree: str
    when: int
    parents: tuple[str, ...] = ()


def position_of(folder: Path) -> Position | None:
    """Where a folder's work tree stands; None outside of one, or before the first commit."""
    words = ("rev-parse", "--is-shallow-repository", "--show-prefix", "HEAD", "HEAD^{tree}")
    status, text, _ = Repository(folder).attempt(*words)
    if status:
        return None
    shallow, prefix, commit, tree = text.splitlines()
    return Position(commit, tree, prefix, shallow == "true")


def commit_time(folder: Path, commit: str) -> int:
    """Seconds since 1970."""
    return int(Repository(folder).git("show", "-s", "--format=%ct", commit))


def uncommitted(folder: Path, position: Position, paths: Sequence[str]) -> list[str]:
    """Files below ``paths`` that are not as in the commit and not ignored, relative to the folder."""
    words = ("status", "--porcelain", "-z", "--no-renames", "--untracked-files=all", "--", *paths)
    rows = Repository(folder).git(*words).split("\0")
    return sorted(row[3:].removeprefix(position.prefix) for row in rows if row)


@dataclass(frozen=True, slots=True)
class CountedParts:
    """How often each part was changed up to a commit."""

    commit: str
    tree: str
    prefix: str
    parts: Mapping[str, Count]


def count_changes(
    folder: Path,
    position: Position,
    paths: Sequence[str],
    part_of: Callable[[str], str | None],
    before: CountedParts | None = None,
) -> CountedParts:
    """Changes up to the position's commit, of each part. ``part_of``: path relative to the folder to its part's name.

    ``before``: counts of an earlier commit, from which they go on where nothing was merged that is older.
    """
    commits = _since(folder, position, paths, before) if before else None
    if before is None or commits is None:
        before, commits = CountedParts("", "", "", {}), _walk(folder, paths, position.commit)
    changed = _changed(folder, commits, {before.commit: before.tree}, paths, part_of) if commits else ()
    counts = climb(commits, changed, {before.commit: before.parts})
    return CountedParts(position.commit, position.tree, position.prefix, counts)


def _since(folder: Path, position: Position, paths: Sequence[str], before: CountedParts) -> list[Walked] | None:
    """The commits made on one whose counts are known; None where that is not all that is needed."""
    words = ("merge-base", "--is-ancestor", before.commit, position.commit)
    if before.prefix != position.prefix or run_git(folder, words, env=_UNREPLACED, check=False).returncode:
        return None
    commits = _walk(folder, paths, position.commit, f"^{before.commit}")
    known = {before.commit, *(commit.id for commit in commits)}
    return commits if all(known.issuperset(commit.parents) and commit.parents for commit in commits) else None


def climb(
    commits: Sequence[Walked], changed: Iterable[Set[str]], before: Mapping[str, Mapping[str, Count]]
) -> Mapping[str, Count]:
    """Counts at the last of ``commits``. ``before``: a commit that they were made on, and its counts.

    ``changed``: parts that differ from each parent of each commit, in order.
    """
    changes, known = iter(changed), dict(before)
    waiting = Counter(parent for commit in commits for parent in commit.parents)
    for commit in commits:
        counts: dict[str, Count] = {}
        for parent in commit.parents or ("",):
            old = known.get(parent, {})
            risen = {part: (old.get(part, (0, 0))[0] + 1, commit.when) for part in next(changes)}
            counts = _higher(counts, {**old, **risen})
            waiting[parent] -= 1
            if parent and not waiting[parent]:
                del known[parent]  # no other commit is made on it
        known[commit.id] = counts
    return known[commits[-1].id] if commits else next(iter(before.values()), {})


def _higher(one: dict[str, Count], other: dict[str, Count]) -> dict[str, Count]:
    if not one:
        return other
    return {part: max(one.get(part, (0, 0)), other.get(part, (0, 0))) for part in {**one, **other}}


def _walk(folder: Path, paths: Sequence[str], *commits: str) -> list[Walked]:
    """All commits up to one that matter for ``paths``, each behind its parents; ``^`` before a commit leaves out."""
    form = ("--format=%H %T %ct %P", "--topo-order", "--reverse")
    words = ("log", *form, "--full-history", "--parents", *commits, "--", *paths)
    rows = (line.split() for line in run_git(folder, words, env=_UNREPLACED).stdout.splitlines())
    return [Walked(row[0], row[1], int(row[2]), tuple(row[3:])) for row in rows]


def _changed(
    folder: Path,
    commits: Sequence[Walked],
    known: Mapping[str, str],
    paths: Sequence[str],
    part_of: Callable[[str], str | None],
) -> list[set[str]]:
    """See ``climb``; one process compares all trees. ``known``: commits that these were made on, to their trees."""
    trees = {**known, **{commit.id: commit.tree for commit in commits}}
    old_and_new = (
        (trees[parent] if parent else EMPTY_TREES[len(commit.tree)], commit.tree)
        for commit in commits
        for parent in commit.parents or ("",)
    )
    words = ("diff-tree", "--stdin", "-r", "--no-renames", "--name-only", "--relative", "--", *paths)
    stdin = "".join(f"{old} {new}\n" for old, new in old_and_new).encode()
    found: list[set[str]] = []
    for line in run_git(folder, words, env=_UNREPLACED, stdin=stdin).stdout.split("\n"):
        if _REPEATED.fullmatch(line):
            found.append(set())
        elif part := part_of(unquote(line.encode()) if line.startswith('"') else line):
            found[-1].add(part)
    return found
