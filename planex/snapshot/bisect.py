# SPDX-License-Identifier: LGPL-2.1-or-later
"""Finds the commit, or the package, that broke something between two snapshots.

What is recorded comes first, then snapshots between, then the commits between two neighbours, which are built; and
where none of them is it, because the base changed for instance, the packages whose RPMs differ.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from planex.bisection import Conclusion, Judgement, search
from planex.errors import PlanexError
from planex.git.head import line_between
from planex.snapshot.record import Snapshot
from planex.snapshot.symptom import Symptom, SymptomKind, recorded
from planex.snapshot.trial import Trials, source_of

_NONE = (Conclusion.NEVER, Conclusion.ALWAYS, Conclusion.UNTOLD)


@dataclass(frozen=True, slots=True)
class SnapshotCulprit:
    """``good`` and ``bad``: the snapshots that are nearest to it; ``commits``: ``<12 digits> <subject>``.

    The culprit is the one commit or package, or, where it is unsure, among those that are left.
    """

    answer: Conclusion
    good: str
    bad: str
    commits: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()


def between(snapshots: Sequence[Snapshot], good: Snapshot, bad: Snapshot) -> Sequence[Snapshot]:
    """From the good one to the bad one. ``snapshots`` from old to new."""
    idents = [snapshot.id for snapshot in snapshots]
    first, last = idents.index(good.id), idents.index(bad.id)
    if first >= last:
        raise PlanexError(
            f"{good.id} is not older than {bad.id}", "planex snapshot bisect GOOD BAD, the older one first"
        )
    return snapshots[first : last + 1]


def narrowed(snapshots: Sequence[Snapshot], symptom: Symptom) -> Sequence[Snapshot]:
    """From the last that is recorded as good to the first one after it that is recorded as bad."""
    known = [recorded(symptom, snapshot) for snapshot in snapshots]
    known[-1] = None
    low = max((place for place, found in enumerate(known) if found is Judgement.GOOD), default=0)
    last = len(snapshots) - 1
    high = next((place for place in range(low + 1, last) if known[place] is Judgement.BAD), last)
    return snapshots[low : high + 1]


def bisect_snapshots(trials: Trials, snapshots: Sequence[Snapshot]) -> SnapshotCulprit:
    """``snapshots`` from a good one to a bad one."""
    found = narrowed(snapshots, trials.symptom)
    answer, low, high = search(len(found) - 1, lambda number: trials.of_snapshot(found[number]))
    if answer in _NONE:
        return SnapshotCulprit(answer, found[0].id, found[-1].id)
    good, bad = found[low], found[high]
    return _among_commits(trials, good, bad) or _among_packages(trials, good, bad)


def _among_commits(trials: Trials, good: Snapshot, bad: Snapshot) -> SnapshotCulprit | None:
    """None where no commit is it: the last one, built now, works, or the first one fails."""
    try:
        commits = line_between(trials.workspace.root, good.commit, bad.commit)
    except PlanexError as error:
        trials.heard("the commits between", error.message)
        return None
    if not commits:
        return None
    hashes = [good.commit, *(commit.partition(" ")[0] for commit in commits)]
    answer, low, high = search(len(commits), lambda number: trials.of_commit(hashes[number]))
    if answer in _NONE:
        return None
    return SnapshotCulprit(answer, good.id, bad.id, commits[low:high])


def _among_packages(trials: Trials, good: Snapshot, bad: Snapshot) -> SnapshotCulprit:
    """The first in the order of building with whose new RPMs it fails; only a command can be tried with some."""
    names = differing(good, bad)
    answer = Conclusion.UNSURE
    if trials.symptom.kind is SymptomKind.COMMAND and len(names) > 1:

        def attempt(number: int) -> Judgement:
            if number in (0, len(names)):
                return trials.of_snapshot(bad if number else good)
            return trials.of_mixture(good, bad, names[:number])

        answer, low, high = search(len(names), attempt)
        names = names if answer in _NONE else names[low:high]
    elif trials.symptom.kind is SymptomKind.COMMAND and names:
        answer = Conclusion.FOUND
    return SnapshotCulprit(answer, good.id, bad.id, packages=names)


def differing(old: Snapshot, new: Snapshot) -> tuple[str, ...]:
    """Packages whose RPMs are not the same, in the order in which they were built."""
    before, after = ({(source_of(rpm), rpm.name, rpm.digest) for rpm in one.rpms} for one in (old, new))
    names = {row[0] for row in before ^ after}
    order = [package.package for package in new.packages if package.package in names]
    return (*order, *sorted(names - set(order)))
