# SPDX-License-Identifier: LGPL-2.1-or-later
"""git's three-way merge of single files, wherever they are: what was merged once is known."""

from __future__ import annotations

from collections.abc import Sequence

from planex.git.pipes import Merger, Objects
from planex.git.repository import NOBODY, Repository
from planex.git.trees import Entry, decode_tree, encode_tree

Three = tuple[Entry, Entry, Entry]
"""A file in the base, on our side, and on theirs."""


class FileMerges:
    """Merges files in trees that hold just them, so that no path and no other file can matter."""

    def __init__(self, repository: Repository, objects: Objects, merger: Merger) -> None:
        self._repository = repository
        self._objects = objects
        self._merger = merger
        self._known: dict[Three, Entry | None] = {}

    def merge(self, files: Sequence[Three]) -> list[Entry | None]:
        """The merged files; None for a conflict."""
        if new := sorted(set(files) - self._known.keys()):
            self._known.update(zip(new, self._merge(new), strict=True))
        return [self._known[three] for three in files]

    def _merge(self, files: Sequence[Three]) -> list[Entry | None]:
        names = [f"{number:05d}" for number in range(len(files))]
        base, ours, theirs = (
            self._repository.write_object("tree", encode_tree(dict(zip(names, side, strict=True))))
            for side in zip(*files, strict=True)
        )
        root = self._repository.write_commit(base, [], NOBODY, "base\n")
        merge = self._merger.merge(
            *(self._repository.write_commit(tree, [root], NOBODY, "side\n") for tree in (ours, theirs))
        )
        merged = decode_tree(self._objects.tree(merge.tree))
        return [None if name in merge.files else merged[name] for name in names]
