# SPDX-License-Identifier: LGPL-2.1-or-later
"""The first upstream commit that a patch cannot stand, by bisection of upstream's history."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace

from planex.checksums import digest_of_text
from planex.content import records
from planex.git.pipeset import PipeSet
from planex.git.repository import Repository
from planex.patchqueue.carry.attempts import AllAttempts
from planex.patchqueue.carry.forecast import Forecaster, Matrix
from planex.patchqueue.carry.judge import Judge
from planex.patchqueue.carry.verdict import TROUBLE
from planex.patchqueue.commits.commits import Chain, related

_FORMAT = 1


@dataclass(frozen=True, slots=True)
class Breaker:
    """A commit of upstream's; ``text`` is its short id, date, author and subject. ``good`` and ``bad``: versions."""

    commit: str
    text: str
    good: str
    bad: str


@dataclass(frozen=True, slots=True)
class KeptBreaker:
    """What a search found, kept. None: no single commit is to blame."""

    breaker: Breaker | None


def find_breakers(
    forecaster: Forecaster, matrix: Matrix, commits: Mapping[str, str], seconds: float = 300
) -> tuple[dict[str, Breaker], int]:
    """For each patch that goes bad the commit, where history is at hand for the versions around it; and how many
    patches there was no time for. What was found once is not searched again."""
    labels = [matrix.old.label, *(column.version.label for column in matrix.columns)]
    if not all(label in commits for label in labels) or not matrix.first_bad:
        return {}, 0
    end, left = time.monotonic() + seconds, 0
    found: dict[str, Breaker] = {}
    chain = forecaster.chain()
    for position, link in enumerate(chain.links):
        bad = matrix.first_bad.get(link.patch.name)
        if bad is None or not link.applies:
            continue
        good = labels[labels.index(bad) - 1]
        prefix = Chain(chain.base, tuple(chain.links[number] for number in related(chain.links, position)))
        try:
            breaker = _search(forecaster.repository, prefix, (good, bad), (commits[good], commits[bad]), end)
        except TimeoutError:
            left += 1
            continue
        if breaker:
            found[link.patch.name] = breaker
    return found, left


def _search(
    repository: Repository, chain: Chain, labels: tuple[str, str], span: tuple[str, str], end: float
) -> Breaker | None:
    """The commit that breaks the chain's last patch. Raises TimeoutError."""
    name = digest_of_text(" ".join([str(_FORMAT), *(link.key for link in chain.links), *span]))
    store = repository.path / "planex" / "breakers" / f"{name}.json"
    if (kept := records.load(store, KeptBreaker, _FORMAT)) is not None:
        return kept.breaker
    breaker = None
    if commit := _bisect(repository, chain, *span, end):
        text = repository.git("show", "--no-patch", "--abbrev=12", "--format=%h %as %an: %s", commit)
        breaker = Breaker(commit, text, *labels)
    records.save(store, KeptBreaker(breaker), _FORMAT)
    return breaker


def _bisect(repository: Repository, chain: Chain, good: str, bad: str, end: float) -> str | None:
    """The first commit on upstream's main line where the chain's last patch is in trouble."""

    def is_bad(commit: str) -> bool:
        if time.monotonic() >= end:
            raise TimeoutError
        return _is_bad(repository, chain, commit)

    paths = sorted({path for link in chain.links for path in link.patch.diff.paths})
    span = f"{good}..{bad}"
    commits = repository.git("rev-list", "--reverse", "--first-parent", span, "--", *paths).split()
    if not commits or is_bad(good) or not is_bad(commits[-1]):
        return None
    low, high = 0, len(commits) - 1
    while low < high:
        middle = (low + high) // 2
        if is_bad(commits[middle]):
            high = middle
        else:
            low = middle + 1
    return commits[low]


def _is_bad(repository: Repository, chain: Chain, commit: str) -> bool:
    tree = repository.git("rev-parse", f"{commit}^{{tree}}")
    base = replace(chain.base, commit=commit, tree=tree, label=commit[:12])
    with PipeSet(repository) as pipes:
        return Judge(pipes, chain, base, attempts=AllAttempts(pipes, commit)).run()[-1].status in TROUBLE
