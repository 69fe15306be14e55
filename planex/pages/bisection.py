# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a bisection over snapshots found, in a sentence, and what to type next."""

from __future__ import annotations

from collections.abc import Sequence

from planex.bisection import Conclusion
from planex.snapshot.bisect import SnapshotCulprit


def culprit_text(culprit: SnapshotCulprit, symptom: str) -> str:
    """``symptom``: what breaks, in words."""
    good, bad, diff = culprit.good, culprit.bad, f"planex snapshot diff {culprit.good} {culprit.bad}"
    match culprit.answer:
        case Conclusion.NEVER:
            return f"{symptom} does not fail with {bad}"
        case Conclusion.UNTOLD:
            return f"of {bad} itself it cannot be told whether {symptom} fails"
        case Conclusion.ALWAYS:
            return f"{symptom} fails with {good} already: name an older one"
        case Conclusion.FOUND if culprit.commits:
            commit, _, subject = culprit.commits[0].partition(" ")
            return f"{symptom} breaks by commit {commit}, '{subject}'\n  git show {commit}"
        case Conclusion.FOUND:
            return f"{symptom} breaks by what {bad} has of {culprit.packages[0]}, and {good} has not\n  {diff}"
    if culprit.commits:
        return _list(f"{symptom} breaks by one of these commits; between them nothing could be told:", culprit.commits)
    nothing = f"no commit between {good} and {bad} breaks {symptom} when it is built now"
    if culprit.packages:
        return _list(f"{nothing}; these packages differ:", culprit.packages) + f"\n  {diff}"
    return f"{nothing}, and their RPMs are the same: it is the base, the machine, or chance\n  {diff}"


def _list(head: str, names: Sequence[str]) -> str:
    return "\n".join([head, *(f"  {name}" for name in names)])
