# SPDX-License-Identifier: LGPL-2.1-or-later
"""Recorded solutions of conflicts (git-rerere), shared through a folder beside the queue: ``patchqueues/<pkg>/rerere``.

An entry is a folder named by the conflict, with ``preimage`` (the conflict) and ``postimage`` (its solution). Only
solved ones are shared.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from planex.drafts import write_atomic
from planex.git.repository import Repository

FOLDER = "rerere"
_HUNK = re.compile(rb"^<{7}[^\n]*\n(.*?)^={7}[^\n]*\n(.*?)^>{7}", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True, slots=True)
class RecordedConflict:
    """The two sides of each place of a conflict that was solved once."""

    sides: tuple[tuple[bytes, bytes], ...]

    def fits(self, ours: bytes, theirs: bytes) -> bool:
        """Whether a merge of these files could give this conflict. git has the last word."""
        return all((one in ours and other in theirs) or (one in theirs and other in ours) for one, other in self.sides)


def recorded_conflicts(repository: Repository) -> Iterator[RecordedConflict]:
    """All that a repository knows a solution of."""
    for pre, _ in solutions(repository.git_dir / "rr-cache").values():
        yield RecordedConflict(tuple((one.rstrip(b"\n"), other.rstrip(b"\n")) for one, other in _HUNK.findall(pre)))


def solutions(folder: Path) -> dict[str, tuple[bytes, bytes]]:
    """Conflict to (preimage, postimage); a conflict with several solutions has ``.1``, ``.2`` behind its name."""
    return {name: (pre.read_bytes(), post.read_bytes()) for name, pre, post in _pairs(folder)}


def bring(folder: Path, repository: Repository) -> int:
    """Make the shared solutions known to a repository; how many there are."""
    found = solutions(folder)
    _store(found, repository.git_dir / "rr-cache")
    return len(found)


def share(repository: Repository, folder: Path) -> list[str]:
    """Copy the repository's solutions beside the queue; the new ones' names."""
    own, known = solutions(repository.git_dir / "rr-cache"), solutions(folder)
    fresh = {name: pair for name, pair in own.items() if known.get(name) != pair}
    _store(fresh, folder)
    return sorted(fresh)


def _pairs(folder: Path) -> Iterator[tuple[str, Path, Path]]:
    for post in sorted(folder.glob("*/postimage*")):
        suffix = post.name.removeprefix("postimage")
        pre = post.with_name(f"preimage{suffix}")
        if pre.is_file():
            yield post.parent.name + suffix, pre, post


def _store(found: dict[str, tuple[bytes, bytes]], folder: Path) -> None:
    for name, (pre, post) in found.items():
        entry, _, variant = name.partition(".")
        suffix = f".{variant}" if variant else ""
        for kind, data in (("preimage", pre), ("postimage", post)):
            path = folder / entry / f"{kind}{suffix}"
            if not path.is_file() or path.read_bytes() != data:
                write_atomic(path, data)
