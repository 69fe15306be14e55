# SPDX-License-Identifier: LGPL-2.1-or-later
"""Queues that never were, to tell which patch is to blame: without the patches that are out, and with them all the
same. Nothing of them is ever kept."""

from __future__ import annotations

from planex.git.pipeset import PipeSet
from planex.git.trees import TreeFiles
from planex.patchqueue.carry.blobs import Blobs, merge_by_lines
from planex.patchqueue.carry.mergers import PatchMerge, merge_patch
from planex.patchqueue.carry.stand import Stand
from planex.patchqueue.carry.verdict import NOT_IN, Fate, Verdict
from planex.patchqueue.commits.commits import Link


class Shadow:
    """A tree that follows the queue patch by patch, beginning where the first one is out."""

    def __init__(self, pipes: PipeSet, blobs: Blobs) -> None:
        self._pipes = pipes
        self._blobs = blobs
        self._files: TreeFiles | None = None
        self._done = 0

    def files_before(self, stand: Stand) -> TreeFiles | None:
        """The tree that the patch in question would find; None if no patch is out."""
        for number in range(self._done, stand.position):
            link, verdict = stand.links[number], stand.verdicts[number]
            if self._files is None and verdict.status in NOT_IN and link.applies:
                self._files = TreeFiles(self._pipes.repository, self._pipes.objects, self._start(link, verdict))
            if self._files is not None and link.applies:
                self._take(self._files, link, verdict)
        self._done = stand.position
        return self._files

    def merge(self, files: TreeFiles, link: Link) -> PatchMerge:
        """What a patch would make of such a tree."""
        return merge_patch(self._pipes, files, link)

    def _start(self, link: Link, verdict: Verdict) -> str:
        raise NotImplementedError

    def _take(self, files: TreeFiles, link: Link, verdict: Verdict) -> None:
        raise NotImplementedError


class Lean(Shadow):
    """The old queue on its old source, without the patches that are out (and those that cannot do without them)."""

    def _start(self, link: Link, verdict: Verdict) -> str:
        return link.parent_tree

    def _take(self, files: TreeFiles, link: Link, verdict: Verdict) -> None:
        if verdict.status in NOT_IN:
            return
        merge = self.merge(files, link)
        if merge.clean:
            files.take(merge.changes)


class Forced(Shadow):
    """The new queue as if the patches that are out had been put in, by taking the patch's side in each conflict."""

    def _start(self, link: Link, verdict: Verdict) -> str:
        return verdict.tree

    def _take(self, files: TreeFiles, link: Link, verdict: Verdict) -> None:
        if verdict.status is Fate.UPSTREAMED:
            return
        merge = self.merge(files, link)
        changes = merge.changes if merge.clean else merge_by_lines(self._blobs, files, link.changes, force=True)
        if changes:
            files.take(changes)
