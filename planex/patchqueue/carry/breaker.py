# SPDX-License-Identifier: LGPL-2.1-or-later
"""The first upstream commit that a patch cannot stand, by bisection of upstream's history."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from planex.git.repository import Repository
from planex.patchqueue.carry.attempts import AllAttempts
from planex.patchqueue.carry.forecast import Forecaster, Matrix
from planex.patchqueue.carry.judge import Judge
from planex.patchqueue.carry.verdict import TROUBLE
from planex.patchqueue.commits.commits import Chain, related


@dataclass(frozen=True, slots=True)
class Breaker:
    """A commit of upstream's; ``text`` is its short id, date, author and subject. ``good`` and ``bad``: versions."""

    commit: str
    text: str
    good: str
    bad: str


def find_breakers(forecaster: Forecaster, matrix: Matrix, commits: Mapping[str, str]) -> dict[str, Breaker]:
    """For each patch that goes bad: the commit, where history is at hand for the versions around it."""
    labels = [matrix.old.label, *(column.version.label for column in matrix.columns)]
    found: dict[str, Breaker] = {}
    if not all(label in commits for label in labels) or not matrix.first_bad:
        return found
    chain = forecaster.chain()
    for position, link in enumerate(chain.links):
        bad = matrix.first_bad.get(link.patch.name)
        if bad is None or not link.applies:
            continue
        good = labels[labels.index(bad) - 1]
        prefix = Chain(chain.base, tuple(chain.links[number] for number in related(chain.links, position)))
        if commit := _bisect(forecaster.repository, prefix, commits[good], commits[bad]):
            text = forecaster.repository.git("show", "--no-patch", "--abbrev=12", "--format=%h %as %an: %s", commit)
            found[link.patch.name] = Breaker(commit, text, good, bad)
    return found


def _bisect(repository: Repository, chain: Chain, good: str, bad: str) -> str | None:
    """The first commit on upstream's main line where the chain's last patch is in trouble."""
    paths = sorted({path for link in chain.links for path in link.patch.diff.paths})
    span = f"{good}..{bad}"
    commits = repository.git("rev-list", "--reverse", "--first-parent", span, "--", *paths).split()
    if not commits or _is_bad(repository, chain, good) or not _is_bad(repository, chain, commits[-1]):
        return None
    low, high = 0, len(commits) - 1
    while low < high:
        middle = (low + high) // 2
        if _is_bad(repository, chain, commits[middle]):
            high = middle
        else:
            low = middle + 1
    return commits[low]


def _is_bad(repository: Repository, chain: Chain, commit: str) -> bool:
    tree = repository.git("rev-parse", f"{commit}^{{tree}}")
    base = replace(chain.base, commit=commit, tree=tree, label=commit[:12])
    with AllAttempts(repository, commit) as attempts, Judge(repository, chain, base, attempts=attempts) as judge:
        return judge.run()[-1].status in TROUBLE
