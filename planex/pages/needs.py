# SPDX-License-Identifier: LGPL-2.1-or-later
"""What of a forecast needs a person, set out by the file to look at. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from planex.patchqueue.carry.forecast import Column, Matrix
from planex.patchqueue.carry.verdict import GONE, KEPT, STOPS, TROUBLE, Fate, Verdict
from planex.patchqueue.format.queue import Patch
from planex.units import many

WAITING = "waiting for other patches"
NO_FILE = "no single file to look at"
_FEW = 3


def need(column: Column) -> str:
    """Whether a version needs a person, in words: for so many patches to mend, and proposals to look at."""
    troubles = len(column.troubles)
    proposals = sum(verdict.status is Fate.PROPOSAL for verdict in column.verdicts)
    words = [f"{troubles} need{'s' if troubles == 1 else ''} a person"] if troubles else []
    words += [many(proposals, "proposal") + " to look at"] if proposals else []
    return ", ".join(words) or "needs nobody"


def is_out(version: str, column: Column) -> str:
    """``4.20.5 is out: 240 patches clean, 3 need you``."""
    clean, gone, stops = (sum(v.status in fates for v in column.verdicts) for fates in (KEPT, GONE, STOPS))
    words = [f"{many(clean, 'patch', 'patches')} clean"] if column.verdicts else []
    words += [f"{gone} upstream already"] if gone else []
    words += [f"{stops} need{'s' if stops == 1 else ''} you"] if stops else []
    return f"{version} is out{': ' if words else ''}{', '.join(words)}"


@dataclass(frozen=True, slots=True)
class Stretch:
    """Versions side by side on which a patch has the same verdict."""

    labels: tuple[str, ...]
    verdict: Verdict

    @property
    def span(self) -> str:
        """``4.18``, or ``4.18 to 4.21``."""
        return self.labels[0] if len(self.labels) == 1 else f"{self.labels[0]} to {self.labels[-1]}"


@dataclass(frozen=True, slots=True)
class Case:
    """A patch in trouble, and on which versions, by status."""

    patch: str
    labels: dict[Fate, list[str]]


def stretches(matrix: Matrix, number: int, *, whole: bool = True) -> list[Stretch]:
    """The verdicts on one patch; neighbours with the same status, and the same reason if ``whole``, are one."""
    found: list[Stretch] = []
    for column in matrix.columns:
        verdict = column.verdicts[number]
        if found and _alike(found[-1].verdict, verdict, whole):
            last = found.pop()
            found.append(Stretch((*last.labels, column.version.label), last.verdict))
        else:
            found.append(Stretch((column.version.label,), verdict))
    return found


def _alike(one: Verdict, other: Verdict, whole: bool) -> bool:
    return one.status == other.status and (not whole or one.why == other.why)


def by_file(matrix: Matrix) -> dict[str, list[Case]]:
    """File to the patches that need a person there, the file with most of them first; those that wait come last."""
    groups: dict[str, dict[str, Case]] = {}
    for column in matrix.columns:
        for patch, verdict in zip(matrix.patches, column.verdicts, strict=True):
            for place in _places(patch, verdict) if verdict.status in TROUBLE else ():
                case = groups.setdefault(place, {}).setdefault(patch.name, Case(patch.name, {}))
                case.labels.setdefault(verdict.status, []).append(column.version.label)
    ranked = sorted(groups.items(), key=lambda group: (group[0] in (WAITING, NO_FILE), -len(group[1]), group[0]))
    return {place: list(cases.values()) for place, cases in ranked}


def _places(patch: Patch, verdict: Verdict) -> Iterator[str]:
    """The files in conflict; else those that the reason names, or the patch changes if they are few."""
    if verdict.status is Fate.BLOCKED:
        yield WAITING
        return
    paths = patch.diff.paths
    named = verdict.files or tuple(path for path in paths if path in verdict.reason)
    yield from named or (paths if 0 < len(paths) <= _FEW else (NO_FILE,))
