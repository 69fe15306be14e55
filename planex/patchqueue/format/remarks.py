# SPDX-License-Identifier: LGPL-2.1-or-later
"""What is odd about a queue but no mistake: a guard that chooses nothing, a patch that is not in the series."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath

from planex.nearest import did_you_mean
from planex.patchqueue.format.queue import SERIES, PatchQueue

_SHOWN = 5
_ENDINGS = ("*.patch", "*.diff")


def remarks(queue: PatchQueue, guards: Iterable[str]) -> Iterator[str]:
    """A sentence for each. ``guards``: those that were chosen for this queue (a target's are for many)."""
    known = sorted({guard[1:] for entry in queue.series.entries for guard in entry.guards})
    for guard in sorted(set(guards).difference(known)):
        yield f"no patch has the guard '{guard}'{did_you_mean(guard, known)}"
    if spare := spare_patches(queue):
        more = f" and {len(spare) - _SHOWN} more" if len(spare) > _SHOWN else ""
        yield f"not in {SERIES}, so never applied: {', '.join(spare[:_SHOWN])}{more}"


def spare_patches(queue: PatchQueue) -> list[str]:
    """Patches that lie in the folder though the series does not name them, not even in a comment."""
    named = {str(PurePosixPath(entry.name)) for entry in queue.series.entries}
    words = {word for line in queue.series.lines if isinstance(line, str) for word in line.split()}
    found = (str(path.relative_to(queue.folder)) for ending in _ENDINGS for path in queue.folder.rglob(ending))
    return sorted(name for name in found if name not in named and name not in words)
