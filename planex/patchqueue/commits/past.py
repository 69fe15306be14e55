# SPDX-License-Identifier: LGPL-2.1-or-later
"""A queue as it was: read from the git history of the workspace that holds it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from planex.errors import ConfigError, PlanexError
from planex.git.pipes import Objects
from planex.git.repository import Repository
from planex.patchqueue.format.queue import SERIES, Patch, PatchQueue
from planex.patchqueue.format.series import Series, parse_series


@dataclass(frozen=True, slots=True)
class Moment:
    """A queue at a commit of the workspace. ``queue`` is None where its series could not be read."""

    commit: str
    when: datetime
    queue: PatchQueue | None


@dataclass(frozen=True, slots=True)
class Past:
    """The last moment of each month in which the queue changed, oldest first. ``cut``: older history is not here."""

    moments: tuple[Moment, ...]
    cut: bool


def read_past(root: Path, queue: PatchQueue) -> Past:
    """The history of a queue on the main line of the workspace at ``root``."""
    repository = Repository(root)
    status, _, _ = repository.attempt("rev-parse", "--is-inside-work-tree")
    if status:
        raise PlanexError(f"{root} is in no git repository", "a queue's past is read from the history of its workspace")
    folder = str(queue.folder.relative_to(root))
    last: dict[str, tuple[str, datetime]] = {}
    for commit, when in _changes(repository, folder):
        last.setdefault(f"{when:%Y-%m}", (commit, when))
    cut = repository.git("rev-parse", "--is-shallow-repository") == "true"
    with Objects(repository) as objects:
        moments = [Moment(commit, when, _queue_at(objects, commit, folder, queue)) for commit, when in last.values()]
    return Past(tuple(reversed(moments)), cut)


def _changes(repository: Repository, folder: str) -> Iterator[tuple[str, datetime]]:
    """Commits that changed the folder, newest first."""
    status, text, _ = repository.attempt("log", "--first-parent", "--format=%H %ct", "--", folder)
    for line in text.splitlines() if status == 0 else ():
        commit, seconds = line.split()
        yield commit, datetime.fromtimestamp(int(seconds), UTC)


def _queue_at(objects: Objects, commit: str, folder: str, now: PatchQueue) -> PatchQueue | None:
    """The queue at a commit; patches that the series names though they are not there are left out."""
    text = objects.content(f"{commit}:./{folder}/{SERIES}")
    if text is None:
        return PatchQueue(now.folder, now.guards, Series(), ())
    try:
        series = parse_series(text.decode("utf-8", "surrogateescape"), now.folder / SERIES)
    except ConfigError:
        return None
    found = [(entry, objects.content(f"{commit}:./{folder}/{entry.name}")) for entry in series.entries]
    patches = [Patch(entry, now.folder / entry.name, data) for entry, data in found if data is not None]
    applied = tuple(patch for patch in patches if patch.entry.applies(now.guards))
    skipped = tuple(patch for patch in patches if not patch.entry.applies(now.guards))
    lines = tuple(line for line in series.lines if isinstance(line, str) or any(p.entry == line for p in patches))
    return PatchQueue(now.folder, now.guards, Series(lines), applied, skipped)
