# SPDX-License-Identifier: LGPL-2.1-or-later
"""What becomes of a patch on a new upstream version: the words that forecasts, rebases and reports share."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Fate(StrEnum):
    """The fate of one patch."""

    CLEAN = "clean"
    """Applies as it is."""
    OFFSET = "offset"
    """Applies as it is, at other lines."""
    MERGED = "merged"
    """Does not apply as it is; a three-way merge has no conflict."""
    RERERE = "rerere"
    """Conflicts, but this conflict was solved before."""
    RESOLVED = "resolved"
    """Conflicted; a person solved it."""
    UPSTREAMED = "upstreamed"
    """The new version has the change."""
    EMPTY = "empty"
    """The patch changes nothing at all (comments only)."""
    DROPPED = "dropped"
    """A person took it out, with a reason."""
    SKIPPED = "skipped"
    """A person left it out for this time; it stays in the queue, unapplied."""
    PROPOSAL = "proposal"
    """Conflicts; planex has a solution that a person has to look at. What follows is judged as if it were in."""
    CONFLICT = "conflict"
    DOUBTFUL = "doubtful"
    """It would go in, or could be taken for upstreamed, but something speaks against it that a person has to judge."""
    BLOCKED = "blocked"
    """Cannot do without an earlier patch that is out."""
    FAILED = "failed"
    """Does not apply to its own source, or is no patch."""


KEPT = frozenset({Fate.CLEAN, Fate.OFFSET, Fate.MERGED, Fate.RERERE, Fate.RESOLVED, Fate.EMPTY})
"""The patch stays in the queue."""
GONE = frozenset({Fate.UPSTREAMED, Fate.DROPPED})
"""The patch leaves the queue."""
CHANGED = frozenset({Fate.MERGED, Fate.RERERE, Fate.RESOLVED})
"""The patch is another than before, so its range-diff is shown."""
NOT_IN = frozenset({Fate.CONFLICT, Fate.DOUBTFUL, Fate.BLOCKED, Fate.FAILED, Fate.SKIPPED, Fate.DROPPED})
"""The old queue had these patches and the new one lacks their effect."""
TROUBLE = frozenset({Fate.CONFLICT, Fate.DOUBTFUL, Fate.BLOCKED, Fate.FAILED})
"""A person is needed."""


STOPS = TROUBLE | {Fate.PROPOSAL}
"""A rebase stops here."""


class Strength(StrEnum):
    """How sure a proof is that a patch is upstream, strongest first."""

    ORIGIN = "origin"
    """The patch names the commit it was taken from, which is part of the new version and has what it changes."""
    PATCH_ID = "patch-id"
    """Upstream's history has a commit with the same diff."""
    SUBJECT = "subject"
    """Upstream's history has a commit with the same or nearly the same subject and nearly the same diff."""
    LINES = "lines"
    """What one author did on one day in upstream's history has all the lines that the patch changes."""
    NO_CHANGE = "no change"
    """Merging the patch leaves the new version as it is."""
    REVERSE = "reverse"
    """The merge conflicts, but the new version has all that the patch adds and lacks all that it removes."""


@dataclass(frozen=True, slots=True)
class UpstreamProof:
    """Why a patch is taken for upstreamed. ``commit`` is upstream's, where it is known."""

    strength: Strength
    text: str
    commit: str = ""


@dataclass(frozen=True, slots=True)
class Doubt:
    """Why a patch may be upstreamed though that is not proved. ``commit`` is upstream's."""

    text: str
    commit: str
    partly: bool = False
    """What upstream has of it may be left out, and the rest be kept."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a patch. ``commit`` and ``tree``: the new queue's top after it (unchanged if it is not in).

    Those of a proposal are what they would be with it.
    """

    patch: str
    status: Fate
    commit: str
    tree: str
    files: tuple[str, ...] = ()
    """In conflict."""
    how: str = ""
    """By which attempt, in words, where the first one had a conflict."""
    proof: UpstreamProof | None = None
    blockers: tuple[str, ...] = ()
    """Earlier patches that this one cannot do without."""
    reason: str = ""
    """Why it failed, is doubted, or was dropped."""
    rules: tuple[str, ...] = ()
    """What a proposal rests on."""

    @property
    def why(self) -> str:
        """Why the verdict is what it is, in a few words; empty where the status says it all."""
        if self.proof:
            return f"{self.proof.text} (proof: {self.proof.strength})"
        if self.status is Fate.BLOCKED:
            return f"needs {', '.join(self.blockers)}" + (f"; {self.reason}" if self.reason else "")
        if self.rules:
            return f"by {', '.join(self.rules)}: {self.how}" + (f", in {', '.join(self.files)}" if self.files else "")
        if self.files:
            return f"in {', '.join(self.files)}" + (f"; {self.reason}" if self.reason else "")
        return self.reason or self.how

    def to_json(self) -> dict[str, Any]:
        """Plain data; empty fields are left out."""
        data: dict[str, Any] = {"patch": self.patch, "status": str(self.status)}
        data |= {"commit": self.commit, "tree": self.tree}
        for key in ("files", "blockers", "rules"):
            if value := getattr(self, key):
                data[key] = list(value)
        data |= {key: getattr(self, key) for key in ("how", "reason") if getattr(self, key)}
        if self.proof:
            data["proof"] = {
                "strength": str(self.proof.strength),
                "text": self.proof.text,
                "commit": self.proof.commit,
            }
        return data
