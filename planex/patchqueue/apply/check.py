# SPDX-License-Identifier: LGPL-2.1-or-later
"""Tries a whole queue on its source, as the build will, and says where it does not fit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

from planex.checksums import digest_of_text
from planex.content import records
from planex.errors import PlanexError
from planex.git.files import Changes, FileSet
from planex.patchqueue.apply.exact import apply_exactly, one_place
from planex.patchqueue.apply.gnupatch import HunkNote, apply_with_tool
from planex.patchqueue.apply.tarball import SourceFiles
from planex.patchqueue.format.queue import Patch, PatchQueue, chain_digest

FORMAT = 3
"""Raise when the verdicts change, so that cached ones are not believed."""
_FUZZ = 2
MAX_NOTES = 20
"""Hunks of one patch that are told of."""


class Fit(StrEnum):
    """How a patch goes in."""

    APPLIED = "applied"
    OFFSET = "offset"
    FUZZ = "fuzz"
    """Only where context lines may be ignored; rpm forbids that, so the build fails."""
    GIT = "git"
    """Only ``git apply`` takes it, and has no choice where; the build uses GNU patch, so it fails."""
    FAILED = "failed"
    EMPTY = "empty"


BAD = frozenset({Fit.FUZZ, Fit.GIT, Fit.FAILED})


class PatchError(PlanexError):
    """A patch of a queue does not apply."""


@dataclass(frozen=True, slots=True)
class PatchOutcome:
    """The verdict on one patch. ``notes`` has a line per hunk that moved, fuzzed or failed."""

    name: str
    state: Fit
    notes: tuple[HunkNote, ...] = ()

    @property
    def bad(self) -> bool:
        return self.state in BAD

    @property
    def changes_nothing(self) -> bool:
        """It could not be applied at all."""
        return self.state in (Fit.FUZZ, Fit.FAILED)

    @property
    def remarks(self) -> str:
        """The notes on one line, or the first of them."""
        more = [f"{len(self.notes) - MAX_NOTES} more hunks"] if len(self.notes) > MAX_NOTES else []
        return "; ".join([*map(str, self.notes[:MAX_NOTES]), *more])


@dataclass(frozen=True, slots=True)
class Outcomes:
    """The verdicts on a queue, as they are kept."""

    outcomes: tuple[PatchOutcome, ...]


def check_queue(
    queue: PatchQueue, source: Path, cache: Path, *, checksum: str | None = None
) -> tuple[PatchOutcome, ...]:
    """Try every applied patch of ``queue`` on ``source``, a tarball with one top folder or an unpacked tree.

    A patch that fails is left out and the rest is tried without it. Verdicts on a tarball are kept below ``cache``
    by what goes into them; ``checksum`` spares hashing a tarball whose content is already known by a digest.
    """
    files = SourceFiles(source, cache, checksum)
    if source.is_dir():
        return _try_all(queue.applied, files, cache)
    key = digest_of_text(f"{FORMAT} {files.key} {_named_digest(queue)}")
    stored = cache / "check" / f"{key}.json"
    if (known := records.load(stored, Outcomes, FORMAT)) is not None:
        return known.outcomes
    outcomes = _try_all(queue.applied, files, cache)
    records.save(stored, Outcomes(outcomes), FORMAT)
    return outcomes


def require_applies(outcomes: Sequence[PatchOutcome], package: str, queue: PatchQueue) -> None:
    """Raise PatchError if a patch is bad; the message names each bad patch, file and hunk."""
    bad = [outcome for outcome in outcomes if outcome.bad]
    if not bad:
        return
    lines = [line for outcome in bad for line in describe(outcome, queue.folder)]
    hint = (
        f"see all of it with `planex patchqueue check {package}`; mend it with `planex patchqueue checkout {package}`"
    )
    raise PatchError("\n".join(lines), hint)


def describe(outcome: PatchOutcome, folder: Path) -> list[str]:
    """One line per trouble spot: ``patchqueues/xen/a.patch: xen/Makefile: hunk 2 at line 14: does not match``."""
    path = folder / outcome.name
    lines = _trouble(outcome, path)
    more = [f"{path}: {len(lines) - MAX_NOTES} more such hunks"] if len(lines) > MAX_NOTES else []
    return lines[:MAX_NOTES] + more


def _trouble(outcome: PatchOutcome, path: Path) -> list[str]:
    if outcome.state is Fit.FUZZ:
        return [f"{path}: {note} (rpm allows no fuzz)" for note in outcome.notes if note.fuzz]
    damage = [f"{path}:{note.line}: {note.reason}" for note in outcome.notes if note.file == outcome.name and note.line]
    return damage or [f"{path}: {note}" for note in outcome.notes if note.failed] or [f"{path}: does not apply"]


def apply_patch(patch: Patch, files: FileSet, scratch: Path) -> tuple[PatchOutcome, Changes]:
    """Apply one patch as the build would; the changes are empty unless it applied."""
    if patch.empty:
        return PatchOutcome(patch.name, Fit.EMPTY), {}
    if patch.damage:
        damage = patch.damage
        note = HunkNote(patch.name, 0, damage.line, failed=True, reason=damage.message)
        return PatchOutcome(patch.name, Fit.FAILED, (note,)), {}
    if (plain := apply_exactly(patch.diff, patch.data, files)) is not None:
        notes = tuple(HunkNote(moved.path, moved.hunk, moved.line, moved.offset) for moved in plain.moved)
        return PatchOutcome(patch.name, Fit.OFFSET if notes else Fit.APPLIED, notes), plain.changes
    result = apply_with_tool(patch, files, scratch)
    if result.ok:
        state = Fit.OFFSET if any(note.offset for note in result.notes) else Fit.APPLIED
        return PatchOutcome(patch.name, state, result.notes), result.changes
    if not patch.diff.binary and one_place(patch.diff, files):
        by_git = apply_with_tool(patch, files, scratch, git=True)
        if by_git.ok:
            return PatchOutcome(patch.name, Fit.GIT, tuple(_only_git(note) for note in result.notes)), by_git.changes
    fuzzed = apply_with_tool(patch, files, scratch, fuzz=_FUZZ)
    if fuzzed.ok:
        return PatchOutcome(patch.name, Fit.FUZZ, fuzzed.notes), {}
    return PatchOutcome(patch.name, Fit.FAILED, result.notes), {}


def _only_git(note: HunkNote) -> HunkNote:
    return replace(note, reason=f"{note.reason or 'does not match'}, says GNU patch, though git apply takes it")


def _try_all(patches: Sequence[Patch], source: SourceFiles, cache: Path) -> tuple[PatchOutcome, ...]:
    source.load({path for patch in patches for path in patch.diff.paths})
    files = FileSet(source.read)
    outcomes = []
    for patch in patches:
        outcome, changes = apply_patch(patch, files, cache)
        files.update(changes)
        outcomes.append(outcome)
    return tuple(outcomes)


def _named_digest(queue: PatchQueue) -> str:
    return chain_digest(f"{patch.name} {patch.key}" for patch in queue.applied)
