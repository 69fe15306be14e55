# SPDX-License-Identifier: LGPL-2.1-or-later
"""Which patch of a queue breaks a command: bisection over the queue, in a tree that keeps its files' times."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from planex.drafts import temporary_folder
from planex.git.repository import Repository
from planex.patchqueue.commits.commits import Chain
from planex.run import run_logged

_SKIP = 125
"""Exit status by which the command says that it cannot tell, as for git bisect run."""


class Judgement(StrEnum):
    GOOD = "good"
    BAD = "bad"
    SKIPPED = "cannot tell"


class Conclusion(StrEnum):
    FOUND = "found"
    NEVER = "never"
    """The command works with the whole queue."""
    ALWAYS = "always"
    """It fails on the source without any patch."""
    UNSURE = "unsure"
    """Several patches are left, as the command could not tell."""


@dataclass(frozen=True, slots=True)
class Culprit:
    """The answer; ``patches`` holds the patch, or those that are left where it is unsure."""

    answer: Conclusion
    patches: tuple[str, ...] = ()


Try = Callable[[int], Judgement]
"""Runs the command with that many patches applied."""


def search(count: int, attempt: Try) -> tuple[Conclusion, int, int]:
    """Bisect 0 to count patches; the culprit is one of (low, high], counted from 1. Pure but for ``attempt``."""
    if attempt(count) is not Judgement.BAD:
        return Conclusion.NEVER, 0, 0
    if attempt(0) is Judgement.BAD:
        return Conclusion.ALWAYS, 0, 0
    low, high = 0, count
    while high - low > 1:
        point = _try_between(low, high, attempt)
        if point is None:
            return Conclusion.UNSURE, low, high
        number, result = point
        low, high = (number, high) if result is Judgement.GOOD else (low, number)
    return Conclusion.FOUND, low, high


def _try_between(low: int, high: int, attempt: Try) -> tuple[int, Judgement] | None:
    """The first point, from the middle outwards, where the command can tell."""
    middle = (low + high) // 2
    for number in sorted(range(low + 1, high), key=lambda n: abs(n - middle)):
        if (result := attempt(number)) is not Judgement.SKIPPED:
            return number, result
    return None


def bisect(
    cache: Repository, chain: Chain, command: str, scratch: Path, log: Path, on_try: Callable[[str, Judgement], None]
) -> Culprit:
    """Run ``command`` (a shell line) in a tree with more or fewer patches. ``on_try`` hears of each run."""
    names = [link.patch.name for link in chain.links]
    known: dict[int, Judgement] = {}
    with _tree(cache, scratch, chain.base.commit) as tree:

        def attempt(count: int) -> Judgement:
            if count not in known:
                tree.git(
                    "checkout",
                    "--quiet",
                    "--force",
                    "--detach",
                    chain.links[count - 1].commit if count else chain.base.commit,
                )
                known[count] = _run(command, tree.path, log)
                on_try(f"with {names[count - 1]}" if count else "without any patch", known[count])
            return known[count]

        answer, low, high = search(len(names), attempt)
    return Culprit(answer, tuple(names[low:high]))


def _run(command: str, folder: Path, log: Path) -> Judgement:
    # The user's own command, typed by hand: it gets what the user's shell would give it.
    status = run_logged(["sh", "-c", command], log, cwd=folder, inherit=os.environ, check=False).returncode
    return Judgement.GOOD if status == 0 else Judgement.SKIPPED if status == _SKIP else Judgement.BAD


@contextmanager
def _tree(cache: Repository, scratch: Path, commit: str) -> Iterator[Repository]:
    with temporary_folder(scratch, "bisect") as folder:
        cache.git("worktree", "add", "--quiet", "--detach", folder / "tree", commit)
        try:
            yield Repository(folder / "tree")
        finally:
            cache.attempt("worktree", "remove", "--force", folder / "tree")
