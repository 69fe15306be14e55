# SPDX-License-Identifier: LGPL-2.1-or-later
"""Three-way merges of a patch into a tree: git's own, but of the patch's files alone where nothing else can matter.

A whole tree has to be merged only where files move: renames and deletions in the patch, files that upstream moved
or deleted, files for folders that upstream moved. Else every file is merged by itself: one that only one side changed
is that side's (as in any three-way merge), and those that both changed are put into trees of their own and handed
to git. A test compares the two ways.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from planex.git.filemerges import Three
from planex.git.pipes import Objects
from planex.git.pipeset import PipeSet
from planex.git.repository import NOBODY
from planex.git.trees import REGULAR, Entries, Entry, TreeFiles
from planex.patchqueue.carry.doubles import Sides
from planex.patchqueue.commits.commits import Link


@dataclass(frozen=True, slots=True)
class PatchMerge:
    """What a patch makes of a tree: files in conflict, or the files that change (relative to the tree)."""

    conflicts: tuple[str, ...]
    changes: Entries

    @property
    def clean(self) -> bool:
        return not self.conflicts


def merge_patch(pipes: PipeSet, files: TreeFiles, link: Link) -> PatchMerge:
    """Merge a patch of the old queue into ``files``."""
    sides = plain_sides(files, link)
    if sides is not None:
        return _merge_files(pipes, files, link, sides)
    ours = pipes.repository.write_commit(files.tree, [link.parent], NOBODY, "ours\n")
    merge = pipes.merger.merge(ours, link.commit)
    if not merge.clean:
        return PatchMerge(merge.files, {})
    return PatchMerge((), pipes.changed.between(files.tree, merge.tree))


def plain_sides(files: TreeFiles, link: Link) -> dict[str, Three] | None:
    """The three sides of each file that the patch changes, or None if a whole tree has to be merged."""
    sides: dict[str, Three] = {}
    for path, (old, new) in link.changes.items():
        ours = files.entry(path)
        if new is None or new[0] not in REGULAR:
            return None
        if old is None:
            if ours is not None or not _folder_stays(files, path):
                return None
            continue
        if ours is None or old[0] != new[0] or not {old[0], ours[0]} <= REGULAR:
            return None
        sides[path] = old, ours, new
    return sides


def _folder_stays(files: TreeFiles, path: str) -> bool:
    """Whether a new file's folder is there, so that it cannot have moved, and no folder stands in the file's place."""
    return files.has_folder(path.rpartition("/")[0]) and not files.has_folder(path)


def _merge_files(pipes: PipeSet, files: TreeFiles, link: Link, sides: Mapping[str, Three]) -> PatchMerge:
    changes: dict[str, Entry | None] = {
        path: new for path, (old, new) in link.changes.items() if old is None and new is not None
    }
    hard: list[str] = []
    for path, (old, ours, new) in sides.items():
        if ours[1] == old[1]:
            changes[path] = ours[0], new[1]
        elif new[1] not in (old[1], ours[1]):
            hard.append(path)
    merged = dict(zip(hard, pipes.file_merges.merge([sides[path] for path in hard]), strict=True))
    if conflicts := tuple(path for path, entry in merged.items() if entry is None):
        return PatchMerge(conflicts, {})
    changes |= merged
    return PatchMerge((), {path: entry for path, entry in changes.items() if entry != files.entry(path)})


def sides_of(objects: Objects, files: TreeFiles, link: Link, changes: Entries) -> Iterator[Sides]:
    """The sides of each file that a merge changes and that upstream (or a patch that is out) changed as well.

    A file that upstream moved has for its old sides all those of the patch's files that are not there any more.
    """
    away = {path: step for path, step in link.changes.items() if path not in changes}
    for path, merged in changes.items():
        ours = files.entry(path)
        steps = [link.changes[path]] if path in link.changes else list(away.values())
        if merged is None or ours is None or not {merged[0], ours[0]} <= REGULAR or ours in [old for old, _ in steps]:
            continue
        base, theirs = (b"\n".join(_content(objects, step[side]) for step in steps) for side in (0, 1))
        yield Sides(path, base, theirs, _content(objects, ours), _content(objects, merged))


def _content(objects: Objects, entry: Entry | None) -> bytes:
    return (objects.content(entry[1]) if entry else None) or b""
