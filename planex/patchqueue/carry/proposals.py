# SPDX-License-Identifier: LGPL-2.1-or-later
"""Solutions for a conflict that planex can show but will not take by itself.

In this order: the commit that the patch says it was taken from, picked onto the new tree; then, for each file alone,
rules for what both sides changed: token by token within lines, white space, lines that stand elsewhere now, entries of
the same list.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from planex.git.pipeset import PipeSet
from planex.git.repository import NOBODY
from planex.git.trees import REGULAR, Entry
from planex.patchqueue.carry.blobs import Blobs
from planex.patchqueue.carry.contents import content_of_diff
from planex.patchqueue.carry.lines import Block, split_lines
from planex.patchqueue.carry.regions import MergedLines, Region, Solved, merge_regions
from planex.patchqueue.carry.solvers import follow_moved, neighbours, spaces, words
from planex.patchqueue.carry.stand import Proposal, Stand

ORIGIN_PICK, MOVED = "origin-pick", "moved"
RULES = (ORIGIN_PICK, "words", "spaces", MOVED, "neighbours")
_LARGE = 1 << 20
"""Bytes of a file. In larger ones nothing is searched."""
_LIKE = 0.5
"""Of the patch's lines, the share that a commit must have to stand for it."""


class Proposer:
    """Looks for solutions; nothing it writes is in any queue."""

    def __init__(self, pipes: PipeSet, blobs: Blobs) -> None:
        self._pipes = pipes
        self._blobs = blobs

    def propose(self, stand: Stand) -> Iterator[Proposal]:
        """The solutions that the rules find, the best first."""
        yield from self._origins(stand)
        if proposal := self._by_files(stand):
            yield proposal

    def _origins(self, stand: Stand) -> Iterator[Proposal]:
        for origin in stand.link.patch.header.origins:
            names = [f"{origin}{end}" for end in ("^{commit}", "^^{commit}", "^2^{commit}")]
            commit, parent, second = self._pipes.objects.ids(names)
            if commit is None or parent is None or second is not None:
                continue
            ours = self._pipes.repository.write_commit(stand.tree, [parent], NOBODY, "ours\n")
            merge = self._pipes.merger.merge(ours, commit)
            if merge.clean and merge.tree != stand.tree and self._is_like(stand, merge.tree):
                yield Proposal((ORIGIN_PICK,), merge.tree, f"upstream's {commit[:12]}, picked onto the new version")

    def _is_like(self, stand: Stand, tree: str) -> bool:
        """Whether the tree has most of what the patch changes."""
        link = stand.link
        pairs = ((link.parent_tree, link.tree), (stand.tree, tree))
        own, other = (set(content_of_diff(self._blobs.diff(*pair).splitlines()).lines) for pair in pairs)
        return bool(own) and len(own & other) >= _LIKE * len(own)

    def _by_files(self, stand: Stand) -> Proposal | None:
        changes: dict[str, Entry | None] = {}
        rules: dict[str, None] = {}
        for path, (old, new) in stand.link.changes.items():
            ours = stand.files.entry(path)
            if ours in (old, new):
                changes[path] = new
                continue
            if old is None or new is None or ours is None or not {old[0], new[0], ours[0]} <= REGULAR:
                return None
            found = self._file(old[1], ours[1], new[1])
            if found is None:
                return None
            blob, used = found
            rules |= dict.fromkeys(used)
            changes[path] = (ours[0] if new[0] == old[0] else new[0]), blob
        changes = {path: entry for path, entry in changes.items() if entry != stand.files.entry(path)}
        if not rules or not changes:
            return None
        ordered = tuple(rule for rule in RULES if rule in rules)
        return Proposal(ordered, stand.files.graft(changes), " and ".join(_TEXTS[rule] for rule in ordered))

    def _file(self, base: str, ours: str, theirs: str) -> tuple[str, tuple[str, ...]] | None:
        """The merged blob and the rules that it took."""
        if (plain := self._blobs.merge(base, ours, theirs)) is not None:
            return plain, ()
        mine, other = (self._blobs.changes(base, side) for side in (ours, theirs))
        if mine is None or other is None:
            return None
        old, new = (self._blobs.content(blob) for blob in (base, ours))
        if max(len(old), len(new)) > _LARGE:
            return None
        merged = _merge(split_lines(old), split_lines(new), mine, other)
        if merged is None:
            return None
        return self._pipes.repository.write_object("blob", b"".join(merged.lines)), tuple(merged.rules)


def _merge(
    base: Sequence[bytes], ours: Sequence[bytes], mine: Sequence[Block], theirs: Sequence[Block]
) -> MergedLines | None:
    """What the first rule that fits makes of a file."""
    if merged := merge_regions(base, mine, theirs, _first(words, spaces)):
        return merged
    if moved := follow_moved(base, ours, theirs):
        return MergedLines(moved, frozenset({MOVED}))
    return merge_regions(base, mine, theirs, _first(words, spaces, neighbours))


_TEXTS = {
    "words": "both sides changed the same lines, in different words",
    "spaces": "upstream changed only white space there",
    MOVED: "upstream moved the lines that the patch changes",
    "neighbours": "both sides put entries at the same place of a list",
}


def _first(*solvers: Callable[[Region], Solved | None]) -> Callable[[Region], Solved | None]:
    return lambda region: next((solved for solver in solvers if (solved := solver(region))), None)
