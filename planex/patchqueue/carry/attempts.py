# SPDX-License-Identifier: LGPL-2.1-or-later
"""What is tried when a patch conflicts, and how it is told that only an earlier patch is to blame.

In this order: a solution that a person recorded (rerere); the lines that the patch changes, if they alone are as they
were; the patch as it would be without the earlier ones that are out; the patch as it was merged into a version between
old and new; renames that are less alike, whole folders that moved. Each counts only if it has no conflict at all.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from planex.git.pipeset import PipeSet
from planex.git.repository import NOBODY
from planex.git.rerere import RecordedConflict, recorded_conflicts
from planex.git.workbench import Workbench
from planex.patchqueue.carry.blobs import Blobs, find_moved, merge_by_lines
from planex.patchqueue.carry.proposals import Proposer
from planex.patchqueue.carry.shadows import Forced, Lean
from planex.patchqueue.carry.stand import Attempt, Attempts, Proposal, Stand
from planex.patchqueue.carry.telling import is_code
from planex.patchqueue.carry.verdict import KEPT, Fate, Verdict
from planex.patchqueue.format.diff import Diff


@dataclass(frozen=True, slots=True)
class Bridge:
    """The queue as it was carried to a version between old and new: its label and verdicts, and where it began."""

    label: str
    commit: str
    verdicts: tuple[Verdict, ...]

    def step(self, position: int) -> tuple[str, str] | None:
        """Commits before and after a patch, if it is in there."""
        if self.verdicts[position].status not in KEPT:
            return None
        before = self.verdicts[position - 1].commit if position else self.commit
        return before, self.verdicts[position].commit


class AllAttempts(Attempts):
    """Everything that is known to help."""

    def __init__(self, pipes: PipeSet, at: str, bridges: Sequence[Bridge] = (), *, rerere: bool = False) -> None:
        self._pipes = pipes
        self._bench = pipes.stack.enter_context(Workbench(pipes.repository, at))
        self._bridges = tuple(bridges)
        self._solutions = tuple(recorded_conflicts(pipes.repository)) if rerere else ()
        self._blobs = Blobs(pipes)
        self._lean, self._forced = Lean(pipes, self._blobs), Forced(pipes, self._blobs)

    def first(self, stand: Stand, files: Sequence[str]) -> Attempt | None:
        return (
            self._recorded(stand, files)
            or self._by_lines(stand, "line by line, as only its surroundings changed")
            or self._without_neighbours(stand)
            or self._over_bridges(stand)
            or self._where_files_moved(stand)
        )

    def propose(self, stand: Stand) -> Iterable[Proposal]:
        return Proposer(self._pipes, self._blobs).propose(stand)

    def moot(self, stand: Stand) -> tuple[str, ...]:
        out = stand.out_before(stand.link.patch.diff.paths)
        if not out or (files := self._lean.files_before(stand)) is None:
            return ()
        merge = self._lean.merge(files, stand.link)
        return out if merge.clean and not merge.changes else ()

    def blockers(self, stand: Stand, files: Sequence[str]) -> tuple[str, ...]:
        out = stand.out_before([*files, *stand.link.patch.diff.paths])
        if not out or (forced := self._forced.files_before(stand)) is None:
            return ()
        if not self._forced.merge(forced, stand.link).clean:
            return ()
        return tuple(name for name in out if self._shares_lines(stand, name)) or out

    def _shares_lines(self, stand: Stand, name: str) -> bool:
        """Whether a patch adds lines that the one in question looks for."""
        other = next(link.patch.diff for link in stand.links if link.patch.name == name)
        return not _lines(stand.link.patch.diff, b" -").isdisjoint(_lines(other, b"+"))

    def _recorded(self, stand: Stand, files: Sequence[str]) -> Attempt | None:
        """A solution that a person recorded; git is asked only if one looks like this conflict."""
        link = stand.link
        if not any(self._looks_like(solution, stand, path) for solution in self._solutions for path in files):
            return None
        tree = self._bench.pick(self._ours(stand), link.commit, files)
        return Attempt("by a recorded solution", tree, Fate.RERERE) if tree else None

    def _looks_like(self, solution: RecordedConflict, stand: Stand, path: str) -> bool:
        ours, (_, theirs) = stand.files.get(path), stand.link.changes.get(path, (None, None))
        if ours is None or theirs is None:
            return True
        return solution.fits(ours.data, self._blobs.content(theirs[1]))

    def _without_neighbours(self, stand: Stand) -> Attempt | None:
        if not stand.out_before(stand.link.patch.diff.paths) or (files := self._lean.files_before(stand)) is None:
            return None
        after = self._lean.merge(files, stand.link)
        if not after.clean or not after.changes:
            return None
        base = self._pipes.repository.write_commit(files.tree, [], NOBODY, "ours\n")
        theirs = self._pipes.repository.write_commit(files.graft(after.changes), [base], NOBODY, "ours\n")
        return self._merged(stand, base, theirs, "without the earlier patches that are out")

    def _over_bridges(self, stand: Stand) -> Attempt | None:
        steps = ((bridge, bridge.step(stand.position)) for bridge in self._bridges)
        found = (self._merged(stand, *step, f"by way of {bridge.label}") for bridge, step in steps if step)
        return next((attempt for attempt in found if attempt), None)

    def _merged(self, stand: Stand, base: str, theirs: str, how: str) -> Attempt | None:
        """Merge the step from commit ``base`` to its child ``theirs`` into the new tree."""
        ours = self._pipes.repository.write_commit(stand.tree, [base], NOBODY, "ours\n")
        merge = self._pipes.merger.merge(ours, theirs)
        return Attempt(how, merge.tree) if merge.clean and merge.tree != stand.tree else None

    def _by_lines(self, stand: Stand, how: str, moved: Mapping[str, str] | None = None) -> Attempt | None:
        changes = merge_by_lines(self._blobs, stand.files, stand.link.changes, moved=moved)
        return Attempt(how, stand.files.graft(changes)) if changes else None

    def _where_files_moved(self, stand: Stand) -> Attempt | None:
        missing = {
            path: old[1] for path, (old, _) in stand.link.changes.items() if old and stand.files.entry(path) is None
        }
        if missing or any(stand.files.entry(path) is None for path in stand.link.changes):
            return self._renamed(stand, missing) or self._moved_folders(stand)
        return None

    def _renamed(self, stand: Stand, missing: Mapping[str, str]) -> Attempt | None:
        before = stand.links[0].parent_tree
        between = self._pipes.changed.between(before, stand.tree) if missing else {}
        added = {path: entry[1] for path, entry in between.items() if entry and path not in stand.link.changes}
        moved = dict(find_moved(self._blobs, missing, added))
        return self._by_lines(stand, "by renames down to 30 % alike", moved=moved) if moved else None

    def _moved_folders(self, stand: Stand) -> Attempt | None:
        merge = self._pipes.folder_merger.merge(self._ours(stand), stand.link.commit)
        found = merge.clean and merge.tree != stand.tree
        return Attempt("by whole folders that moved", merge.tree) if found else None

    def _ours(self, stand: Stand) -> str:
        return self._pipes.repository.write_commit(stand.tree, [stand.link.parent], NOBODY, "ours\n")


def _lines(diff: Diff, signs: bytes) -> set[bytes]:
    """Lines of code that begin with one of the signs."""
    hunks = (hunk for file in diff.files for hunk in file.hunks)
    return {line[1:] for hunk in hunks for line in hunk.lines if line[:1] in signs and is_code(line[1:])}
