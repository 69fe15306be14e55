# SPDX-License-Identifier: LGPL-2.1-or-later
"""Where a judge stands when a patch conflicts, and what it may ask then."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from planex.git.trees import TreeFiles
from planex.patchqueue.carry.verdict import NOT_IN, Fate, Verdict
from planex.patchqueue.commits.commits import Link


@dataclass(frozen=True, slots=True)
class Stand:
    """The queue, what became of its first patches, and the new tree so far; the patch in question comes next."""

    links: tuple[Link, ...]
    verdicts: tuple[Verdict, ...]
    tree: str
    files: TreeFiles

    @property
    def position(self) -> int:
        return len(self.verdicts)

    @property
    def link(self) -> Link:
        return self.links[self.position]

    def out_before(self, paths: Sequence[str]) -> tuple[str, ...]:
        """Patches that are out so far and touch one of the paths."""
        pairs = zip(self.links, self.verdicts, strict=False)
        out = [link.patch for link, verdict in pairs if verdict.status in NOT_IN]
        return tuple(patch.name for patch in out if not set(paths).isdisjoint(patch.diff.paths))


@dataclass(frozen=True, slots=True)
class Attempt:
    """A way to merge that had no conflict: its name and the merged tree."""

    how: str
    tree: str
    status: Fate = Fate.MERGED


@dataclass(frozen=True, slots=True)
class Proposal:
    """A solution that a person has to look at: the rules that it takes, its tree, and why it may be right."""

    rules: tuple[str, ...]
    tree: str
    text: str


class Attempts:
    """Other ways to merge a patch that conflicts. This one knows none."""

    def first(self, stand: Stand, files: Sequence[str]) -> Attempt | None:
        """The first way without a conflict."""
        return None

    def propose(self, stand: Stand) -> Iterable[Proposal]:
        """Solutions that are no more than likely, the best first."""
        return ()

    def moot(self, stand: Stand) -> tuple[str, ...]:
        """Patches that are out without which this one changes nothing even on its old source."""
        return ()

    def blockers(self, stand: Stand, files: Sequence[str]) -> tuple[str, ...]:
        """Patches that are out, and whose absence is the only reason for the conflict."""
        return ()
