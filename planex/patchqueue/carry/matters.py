# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a person has to look at before a queue goes to another version: both sides of conflicts, and who made them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from planex.git.pipes import Merger, Objects
from planex.git.repository import NOBODY, Repository
from planex.patchqueue.carry.forecast import Column
from planex.patchqueue.carry.history import commits_of_lines, commits_on
from planex.patchqueue.carry.offers import Offer, offer
from planex.patchqueue.carry.verdict import STOPS, Fate, Verdict
from planex.patchqueue.commits.commits import Chain, Link

_AROUND = 3
"""Lines before a conflict that are shown."""


@dataclass(frozen=True, slots=True)
class Clash:
    """A place where both sides changed the same. ``line`` counts from 1 in the new version's file."""

    path: str
    line: int
    before: tuple[str, ...]
    theirs: tuple[str, ...]
    """What the new version has there."""
    was: tuple[str, ...]
    """What the old version had."""
    ours: tuple[str, ...]
    """What the patch makes of it."""
    commits: tuple[str, ...] = ()
    """Upstream's that touched these lines, or the file where the lines cannot be told."""


@dataclass(frozen=True, slots=True)
class Matter:
    """A patch that needs a person, or has a proposal, with all there is to see. ``gone``: files that are not in the new
    version."""

    patch: str
    path: Path
    subject: str
    author: str
    verdict: Verdict
    clashes: tuple[Clash, ...]
    gone: tuple[str, ...]
    diff: str
    """The patch itself, where there is no clash to show."""
    offer: Offer | None = None
    """Of a proposal."""


@dataclass(frozen=True, slots=True)
class Review:
    """All matters on a version. ``history``: whether upstream's was at hand."""

    old: str
    new: str
    matters: tuple[Matter, ...]
    history: bool


def review(repository: Repository, chain: Chain, column: Column, span: tuple[str, str] | None) -> Review:
    """Gather what a person needs to know. ``span``: upstream's commits of the old and the new version, if known."""
    with Objects(repository) as objects, Merger(repository) as merger:
        matters = tuple(_Desk(repository, objects, merger, span).matters(chain, column))
    return Review(chain.base.label, column.version.label, matters, span is not None)


@dataclass(frozen=True)
class _Desk:
    repository: Repository
    objects: Objects
    merger: Merger
    span: tuple[str, str] | None
    """Upstream's commits of the old and the new version."""

    def matters(self, chain: Chain, column: Column) -> Iterator[Matter]:
        before = column.commit
        for link, verdict in zip(chain.links, column.verdicts, strict=True):
            if verdict.status in STOPS:
                matter = self._matter(link, verdict, self.repository.git("rev-parse", f"{before}^{{tree}}"))
                proposed = verdict.status is Fate.PROPOSAL
                yield replace(matter, offer=offer(self.repository, link, before, verdict)) if proposed else matter
            before = verdict.commit

    def _matter(self, link: Link, verdict: Verdict, tree: str) -> Matter:
        patch = link.patch
        merged = self._merge(link, tree) if verdict.files else {}
        clashes = tuple(clash for path, text in merged.items() for clash in self._clashes(path, text))
        gone = tuple(path for path in merged if self.objects.content(f"{tree}:{path}") is None)
        shown = not clashes and verdict.status is not Fate.BLOCKED
        diff = patch.data[patch.diff_start :].decode("utf-8", "replace") if shown else ""
        return Matter(patch.name, patch.path, patch.subject, patch.header.author, verdict, clashes, gone, diff)

    def _merge(self, link: Link, tree: str) -> Mapping[str, str]:
        """Path to content with conflict markers."""
        ours = self.repository.write_commit(tree, [link.parent], NOBODY, "ours\n")
        merge = self.merger.merge(ours, link.commit)
        contents = ((path, self.objects.content(f"{merge.tree}:{path}")) for path in merge.files)
        return {path: (data or b"").decode("utf-8", "replace") for path, data in contents}

    def _clashes(self, path: str, text: str) -> Iterator[Clash]:
        return (replace(clash, commits=tuple(self._commits(clash))) for clash in read_clashes(path, text))

    def _commits(self, clash: Clash) -> list[str]:
        if self.span is None:
            return []
        old, new = self.span
        line = self._line(clash)
        found = commits_of_lines(self.repository, old, new, clash.path, line, len(clash.theirs)) if line else []
        return found or commits_on(self.repository, old, new, [clash.path])

    def _line(self, clash: Clash) -> int:
        """Where the lines stand in upstream's own file; 0 if they do not, as a patch before this one changed them."""
        assert self.span is not None
        data = self.objects.content(f"{self.span[1]}:{clash.path}") or b""
        lines = data.decode("utf-8", "replace").splitlines()
        size = len(clash.theirs)
        places = (at for at in range(len(lines) - size + 1) if tuple(lines[at : at + size]) == clash.theirs)
        return min((at + 1 for at in places), key=lambda line: abs(line - clash.line), default=0) if size else 0


def read_clashes(path: str, text: str) -> Iterator[Clash]:
    """The conflicts that git marked in a file."""
    kept: list[str] = []
    sides: list[list[str]] = []
    for line in text.splitlines():
        if line.startswith("<<<<<<< ") and not sides:
            sides = [[]]
        elif len(sides) == 1 and line.startswith("||||||| "):
            sides.append([])
        elif len(sides) in (1, 2) and line == "=======":
            sides += [[] for _ in range(3 - len(sides))]
        elif len(sides) == 3 and line.startswith(">>>>>>> "):
            theirs, was, ours = (tuple(side) for side in sides)
            yield Clash(path, len(kept) + 1, tuple(kept[-_AROUND:]), theirs, was, ours)
            kept += theirs
            sides = []
        else:
            (sides[-1] if sides else kept).append(line)
