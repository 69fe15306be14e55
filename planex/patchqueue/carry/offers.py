# SPDX-License-Identifier: LGPL-2.1-or-later
"""Proposals as a person looks at them: what each would change, how that differs from the patch, whether it builds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from planex.git.repository import Repository
from planex.patchqueue.carry.forecast import Column
from planex.patchqueue.carry.verdict import Fate, Verdict
from planex.patchqueue.commits.commits import Chain, Link


class Built(StrEnum):
    """How far it is proved that a proposal compiles."""

    BUILDS = "builds"
    """The queue up to it was built, with it as it is proposed."""
    BREAKS = "breaks the build"
    """The queue before it was built, and with it that failed."""
    NOT = "not built"


@dataclass(frozen=True, slots=True)
class Offer:
    """``change``: its diff in the new version. ``beside``: how that differs from the patch, as git range-diff says."""

    change: str
    beside: str
    built: Built = Built.NOT


Offers = Mapping[tuple[str, str], Offer]
"""By version and patch."""


def offer(repository: Repository, link: Link, before: str, verdict: Verdict) -> Offer:
    """What is proposed for a patch on top of commit ``before``."""
    spans = f"{link.parent}..{link.commit}", f"{before}..{verdict.commit}"
    return Offer(repository.git("diff", before, verdict.tree), range_diff(repository, *spans))


def offers(repository: Repository, chain: Chain, column: Column) -> dict[str, Offer]:
    """All of a version, by patch."""
    found: dict[str, Offer] = {}
    before = column.commit
    for link, verdict in zip(chain.links, column.verdicts, strict=True):
        if verdict.status is Fate.PROPOSAL:
            found[verdict.patch] = offer(repository, link, before, verdict)
        before = verdict.commit
    return found


def range_diff(repository: Repository, old: str, new: str) -> str:
    """How a patch changed: git range-diff of its old and its new commit."""
    words = ["range-diff", "--no-color", "--creation-factor=100", "--no-dual-color", old, new]
    return repository.git(*words)
