# SPDX-License-Identifier: LGPL-2.1-or-later
"""Bisection: which of a row of changes breaks something, be they patches, commits or snapshots."""

from __future__ import annotations

import os
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path

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
    """It works with all changes."""
    ALWAYS = "always"
    """It fails without any of them."""
    UNSURE = "unsure"
    """Several are left, as between them nothing could be told."""
    UNTOLD = "untold"
    """Not even with all changes can it be told whether it fails."""


Try = Callable[[int], Judgement]
"""Tries it with that many changes."""


def search(count: int, attempt: Try) -> tuple[Conclusion, int, int]:
    """Bisect 0 to count changes; the culprit is one of (low, high], counted from 1. That it
    works with none is the word of who asks, if it cannot be told. Pure but for ``attempt``.
    """
    if (last := attempt(count)) is not Judgement.BAD:
        return Conclusion.NEVER if last is Judgement.GOOD else Conclusion.UNTOLD, 0, 0
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
    """The first point, from the middle outwards, where it can be told."""
    middle = (low + high) // 2
    for number in sorted(range(low + 1, high), key=lambda n: abs(n - middle)):
        if (result := attempt(number)) is not Judgement.SKIPPED:
            return number, result
    return None


def judge(command: str, folder: Path, log: Path) -> Judgement:
    """Run a shell line, as a person would type it in ``folder``: it gets what their shell would give it."""
    words = ["sh", "-c", command]
    status = run_logged(words, log, cwd=folder, inherit=os.environ, check=False).returncode
    return Judgement.GOOD if status == 0 else Judgement.SKIPPED if status == _SKIP else Judgement.BAD
