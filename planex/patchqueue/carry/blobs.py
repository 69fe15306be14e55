# SPDX-License-Identifier: LGPL-2.1-or-later
"""Merges of single files by what git's diff says of each side: other ways where git's own merge has a conflict."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from planex.git.files import FILE
from planex.git.pipeset import PipeSet
from planex.git.trees import REGULAR, Entries, Entry, TreeFiles, encode_tree
from planex.patchqueue.carry.lines import Block, blocks_of, merge_lines, split_lines
from planex.patchqueue.format.diff import parse_diff


class Blobs:
    """Merges blobs by their ids."""

    def __init__(self, pipes: PipeSet) -> None:
        self._pipes = pipes
        self._blocks: dict[tuple[str, str], list[Block] | None] = {}

    def content(self, blob: str) -> bytes:
        return self._pipes.objects.content(blob) or b""

    def merge(self, base: str, ours: str, theirs: str, *, force: bool = False) -> str | None:
        """The merged blob, or None for a conflict."""
        mine, new = (self.changes(base, side) for side in (ours, theirs))
        if mine is None or new is None:
            return theirs if force else None
        merged = merge_lines(split_lines(self.content(base)), mine, new, force=force)
        if merged is None or any(not line.endswith(b"\n") for line in merged[:-1]):
            return theirs if force else None
        return self._pipes.repository.write_object("blob", b"".join(merged))

    def changes(self, old: str, new: str) -> list[Block] | None:
        """What becomes of a blob; None if it is no text."""
        key = old, new
        if key not in self._blocks:
            self._blocks[key] = self._compare(old, new)
        return self._blocks[key]

    def diff(self, old: str, new: str) -> bytes:
        """The diff of two trees."""
        return self._pipes.differ.diff(old, new)

    def _compare(self, old: str, new: str) -> list[Block] | None:
        if old == new:
            return []
        trees = (encode_tree({"f": (FILE, blob)}) for blob in (old, new))
        one, two = (self._pipes.repository.write_object("tree", tree) for tree in trees)
        (file,) = parse_diff(self.diff(one, two)).files
        return None if file.binary else blocks_of(file.hunks)


def merge_by_lines(
    blobs: Blobs,
    files: TreeFiles,
    changes: Mapping[str, tuple[Entry | None, Entry | None]],
    *,
    moved: Mapping[str, str] | None = None,
    force: bool = False,
) -> Entries | None:
    """Merge a patch's files one by one; None for a conflict. ``moved``: where files are now. ``force``: theirs win."""
    merged: dict[str, Entry | None] = {}
    for path, (old, new) in changes.items():
        place = (moved or {}).get(path, path)
        ours = files.entry(place)
        if old is None and not force and not (ours is None and files.has_folder(path.rpartition("/")[0])):
            return None  # another file is in the way, or the folder may have moved
        if ours == old or (force and (ours is None or old is None or new is None)):
            merged[place] = new
        elif ours == new:
            continue
        elif old is None or new is None or ours is None or not {old[0], new[0], ours[0]} <= REGULAR:
            return None
        else:
            blob = blobs.merge(old[1], ours[1], new[1], force=force)
            if blob is None:
                return None
            merged[place] = (ours[0] if new[0] == old[0] else new[0]), blob
    return {path: entry for path, entry in merged.items() if entry != files.entry(path)}


def find_moved(
    blobs: Blobs, missing: Mapping[str, str], added: Mapping[str, str], alike: float = 0.3
) -> Iterator[tuple[str, str]]:
    """Where files that are gone may be now: old path and new, by the lines that they share.

    ``missing`` and ``added``: path to blob. A file goes where most of it is; if two places have as much, nowhere.
    """
    for path, blob in missing.items():
        own = set(split_lines(blobs.content(blob)))
        ending = path.rpartition(".")[2]
        scores = []
        for other, candidate in added.items():
            if other.rpartition(".")[2] == ending:
                lines = set(split_lines(blobs.content(candidate)))
                scores.append((len(own & lines) / max(len(own), len(lines), 1), other))
        scores.sort(reverse=True)
        if scores and scores[0][0] >= alike and (len(scores) == 1 or scores[1][0] < scores[0][0]):
            yield path, scores[0][1]
