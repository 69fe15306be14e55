# SPDX-License-Identifier: LGPL-2.1-or-later
"""Commits back into patches: the same commits give the same bytes, and what did not change is not written anew."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from planex.errors import PlanexError
from planex.git.pipes import Changed, Differ, Objects
from planex.git.repository import Repository, Signature
from planex.git.trees import Entries, TreeFiles
from planex.patchqueue.apply.check import Fit, apply_patch
from planex.patchqueue.format.message import CommitMessage, format_header, message_of, parse_message, signature_of
from planex.patchqueue.format.queue import Patch, PatchQueue
from planex.patchqueue.format.series import DEFAULT_STRIP, Entry

_FIELDS = "%H%x00%T%x00%P%x00%an%x00%ae%x00%ad%x00%B%x01"
_MAX_NAME = 64
_STAT = re.compile(rb"(?m)^---[ \t]*\r?\n")


class Change(StrEnum):
    """What became of a patch file."""

    SAME = "unchanged"
    NEW = "new"
    DIFF = "refreshed"
    HEADER = "new header"
    BOTH = "refreshed, new header"


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit of a queue."""

    id: str
    tree: str
    parents: tuple[str, ...]
    author: Signature
    message: CommitMessage


@dataclass(frozen=True, slots=True)
class Exported:
    """A patch file to be."""

    entry: Entry
    data: bytes
    change: Change
    commit: str


def read_commits(repository: Repository, base: str, head: str) -> list[Commit]:
    """The commits above ``base``, oldest first. Raises PlanexError unless they are one straight line on it."""
    if repository.attempt("merge-base", "--is-ancestor", base, head)[0]:
        raise PlanexError(
            f"{repository.path}: HEAD does not stand on the upstream source it was checked out from ({base[:12]})",
            "put the commits on it: git rebase --onto upstream <their first parent>",
        )
    text = repository.git("log", "--reverse", "--topo-order", "--date=raw", f"--format={_FIELDS}", f"{base}..{head}")
    commits = [_commit(record.removeprefix("\n")) for record in text.split("\x01") if record.strip()]
    parent = base
    for commit in commits:
        if commit.parents != (parent,):
            raise PlanexError(
                f"{repository.path}: commit {commit.id[:12]} ({commit.message.subject}) is a merge or on a side branch",
                "make the history one straight line: git rebase upstream",
            )
        parent = commit.id
    return commits


def _commit(record: str) -> Commit:
    commit, tree, parents, name, address, date, text = record.split("\0", 6)
    seconds, zone = date.split()
    author = Signature(name, address, max(int(seconds), 0), zone)
    return Commit(commit, tree, tuple(parents.split()), author, parse_message(text))


def export(repository: Repository, base_tree: str, commits: Sequence[Commit], queue: PatchQueue) -> list[Exported]:
    """The patch files for ``commits``, in order. Each is proved to turn its parent's tree into its own."""
    result: list[Exported] = []
    with Objects(repository) as objects, Changed(repository) as changed:
        trees = [base_tree, *(commit.tree for commit in commits)]
        patches = match(commits, queue.applied, lambda n: changed.between(trees[n], trees[n + 1]).keys())
        taken = {patch.entry.name for patch in patches if patch} | {patch.name for patch in queue.skipped}
        files = TreeFiles(repository, objects, base_tree)
        writer = _Writer(repository, files, changed)
        parent = base_tree
        for commit, old in zip(commits, patches, strict=True):
            exported = writer.write(commit, parent, old, taken)
            taken.add(exported.entry.name)
            result.append(exported)
            parent = commit.tree
    return result


class _Writer:
    """Makes one patch after the other; ``files`` is the tree before the patch."""

    def __init__(self, repository: Repository, files: TreeFiles, changed: Changed) -> None:
        self._repository = repository
        self._files = files
        self._changed = changed

    def write(self, commit: Commit, parent: str, old: Patch | None, taken: set[str]) -> Exported:
        entry = _entry(commit.message, old, taken)
        entries = self._changed.between(parent, commit.tree)
        keep_header = old is not None and _same_header(old, commit)
        keep_diff = old is not None and old.strip == entry.strip and self._makes(old, entries)
        if old is not None and keep_header and keep_diff:
            data, change = old.data, Change.SAME
        else:
            header = _header(old, commit, keep_header, keep_diff, lambda: self._stat(parent, commit.tree))
            diff = old.data[old.diff_start :] if old and keep_diff else self._diff(parent, commit.tree, entry.strip)
            data, change = header + diff, _change(old, keep_header, keep_diff)
            self._prove(Patch(entry, Path(entry.name), data), entries, commit)
        self._files.follow(commit.tree, entries)
        return Exported(entry, data, change, commit.id)

    def _makes(self, patch: Patch, entries: Entries) -> bool:
        outcome, changes = apply_patch(patch, self._files, self._repository.path / "planex" / "scratch")
        made = {path: (file.mode, file.blob_id) if file else None for path, file in changes.items()}
        return outcome.state in (Fit.APPLIED, Fit.OFFSET, Fit.EMPTY) and made == entries

    def _prove(self, patch: Patch, entries: Entries, commit: Commit) -> None:
        if not self._makes(patch, entries):
            raise PlanexError(
                f"commit {commit.id[:12]} ({commit.message.subject}) cannot be written as a patch for GNU patch",
                "it may hold a submodule or an odd file name; split that off",
            )

    def _stat(self, parent: str, tree: str) -> bytes:
        """The statistics that git format-patch puts below the message."""
        words = ["diff-tree", "-r", "--stat=72", "--summary", "--no-renames", "--no-color"]
        return self._repository.git(*words, parent, tree).encode("utf-8", "surrogateescape") + b"\n"

    def _diff(self, parent: str, tree: str, strip: int) -> bytes:
        with Differ(self._repository, strip) as differ:
            return differ.diff(parent, tree)


def _same_header(old: Patch, commit: Commit) -> bool:
    return message_of(old).text == commit.message.text and signature_of(old.header) == commit.author


def _change(old: Patch | None, keep_header: bool, keep_diff: bool) -> Change:
    if old is None:
        return Change.NEW
    if keep_header:
        return Change.DIFF
    return Change.HEADER if keep_diff else Change.BOTH


def _header(old: Patch | None, commit: Commit, keep_header: bool, keep_diff: bool, stat: Callable[[], bytes]) -> bytes:
    if old is None or not keep_header:
        return format_header(commit.message, commit.author) + b"\n"
    header = old.data[: old.diff_start]
    marks = list(_STAT.finditer(header))
    if keep_diff or not marks or b" | " not in header[marks[-1].end() :]:
        return header
    return header[: marks[-1].end()] + stat() + b"\n"


def _entry(message: CommitMessage, old: Patch | None, taken: set[str]) -> Entry:
    if old is not None:
        guards = message.guards if message.name else old.entry.guards
        strip = message.strip if message.name else old.strip
        return Entry(old.name, strip, guards)
    name = message.name if message.name and message.name not in taken else _new_name(message.subject, taken)
    return Entry(name, message.strip if message.name == name else DEFAULT_STRIP, message.guards)


def _new_name(subject: str, taken: set[str]) -> str:
    """A file name from a subject, as git format-patch makes them but without a number."""
    words = re.sub(r"[^A-Za-z0-9._]+", "-", subject)
    stem = re.sub(r"\.+", ".", words)[:_MAX_NAME].strip("-.") or "patch"
    name, number = f"{stem}.patch", 2
    while name in taken:
        name, number = f"{stem}-{number}.patch", number + 1
    return name


Touched = Callable[[int], AbstractSet[str]]
"""Paths that a commit, by its number, changes."""


def match(commits: Sequence[Commit], patches: Sequence[Patch], touched: Touched) -> list[Patch | None]:
    """For each commit, the patch that it was: by its trailer, else by its subject, else by its place and files."""
    left = {patch.name: patch for patch in patches}
    found = [left.pop(commit.message.name, None) for commit in commits]
    for number, commit in enumerate(commits):
        if found[number] is None and not commit.message.name:
            patch = _by_subject(commit, left) or _by_place(number, found, patches, left)
            if patch and (patch.subject == commit.message.subject or touched(number) & set(patch.diff.paths)):
                found[number] = left.pop(patch.name)
    return found


def _by_subject(commit: Commit, left: dict[str, Patch]) -> Patch | None:
    same = [patch for patch in left.values() if message_of(patch).subject == commit.message.subject]
    return same[0] if len(same) == 1 else None


def _by_place(
    number: int, found: Sequence[Patch | None], patches: Sequence[Patch], left: dict[str, Patch]
) -> Patch | None:
    """The only patch without a commit between the patches of the commits around."""
    before = found[number - 1] if number else None
    after = found[number + 1] if number + 1 < len(found) else None
    if (number and before is None) or (number + 1 < len(found) and after is None):
        return None
    start = patches.index(before) + 1 if before else 0
    end = patches.index(after) if after else len(patches)
    gap = [patch for patch in patches[start:end] if patch.name in left]
    return gap[0] if len(gap) == 1 else None
