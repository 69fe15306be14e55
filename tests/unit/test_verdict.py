# SPDX-License-Identifier: LGPL-2.1-or-later
"""Which verdicts leave a patch in the queue, and how they are told."""

from __future__ import annotations

from typing import Any

import pytest

from planex.patchqueue.carry.attempts import Bridge
from planex.patchqueue.carry.contents import DiffContent, content_of_diff, share
from planex.patchqueue.carry.verdict import (
    CHANGED,
    GONE,
    KEPT,
    NOT_IN,
    STOPS,
    TROUBLE,
    Fate,
    Strength,
    UpstreamProof,
    Verdict,
)


def verdict(status: Fate, **more: Any) -> Verdict:
    return Verdict("a.patch", status, "c", "t", **more)


def test_every_fate_is_of_one_kind() -> None:
    kinds = (KEPT, GONE, STOPS, {Fate.SKIPPED})
    assert set().union(*kinds) == set(Fate)
    assert sum(map(len, kinds)) == len(Fate)


def test_words_of_journals_and_reports_stay_what_they_are() -> None:
    fates = "clean offset merged rerere resolved upstreamed empty dropped skipped proposal"
    assert [str(fate) for fate in Fate] == [*fates.split(), "conflict", "doubtful", "blocked", "failed"]
    assert [str(strength) for strength in Strength] == [
        "origin",
        "patch-id",
        "subject",
        "lines",
        "no change",
        "reverse",
    ]


def test_what_a_fate_means_for_the_queue() -> None:
    assert {Fate.CONFLICT, Fate.DOUBTFUL, Fate.BLOCKED, Fate.FAILED} == TROUBLE
    assert {Fate.UPSTREAMED, Fate.DROPPED} == GONE
    assert KEPT - {Fate.CLEAN, Fate.OFFSET, Fate.EMPTY} == CHANGED
    out = set(Fate) - KEPT - {Fate.UPSTREAMED, Fate.PROPOSAL}
    assert out == NOT_IN, "upstream's own has the effect, and what follows a proposal is judged as if it were in"


@pytest.mark.parametrize("status", Fate)
def test_only_what_is_in_a_queue_bridges(status: Fate) -> None:
    bridge = Bridge("1.5", "base", (verdict(Fate.CLEAN), verdict(status)))
    assert bridge.step(0) == ("base", "c")
    assert (bridge.step(1) is not None) == (status in KEPT)


def content(*lines: str) -> DiffContent:
    return content_of_diff(f"{line}".encode() for line in lines)


@pytest.mark.parametrize(
    ("added", "removed", "enough"), [(8, 5, True), (7, 5, False), (10, 4, True), (10, 3, False), (0, 0, False)]
)
def test_upstream_has_a_patch_only_above_four_lines_of_five_of_either_kind(
    added: int, removed: int, enough: bool
) -> None:
    own = content(*(f"+add {n}" for n in range(10)), *(f"-old {n}" for n in range(5)), "+}", "+")
    other = content(*(f"+  add   {n}" for n in range(added)), *(f"-old {n}" for n in range(removed)), "+more")
    found = share(own, other.lines)
    assert (found.had, found.all, found.enough) == (added + removed, 15, enough)


def test_what_would_be_lost_is_shown() -> None:
    found = share(content(*(f"+x = {n};" for n in range(6))), content("+x = 2;").lines)
    assert found.loss == "'+x = 0;', '+x = 1;', '+x = 3;' and 2 more"
    assert not share(content(), content().lines).enough, "nothing to compare proves nothing"


PROOF = UpstreamProof(Strength.ORIGIN, "it is in", "e")


@pytest.mark.parametrize(
    ("found", "why"),
    [
        (verdict(Fate.CLEAN), ""),
        (verdict(Fate.MERGED, how="by renames"), "by renames"),
        (verdict(Fate.DROPPED, reason="no use", how="x"), "no use"),
        (verdict(Fate.CONFLICT, files=("a.c", "b.c"), reason="x"), "in a.c, b.c; x"),
        (verdict(Fate.BLOCKED, files=("a.c",), blockers=("1", "2")), "needs 1, 2"),
        (verdict(Fate.BLOCKED, blockers=("1",), reason="nothing is left"), "needs 1; nothing is left"),
        (verdict(Fate.UPSTREAMED, proof=PROOF, files=("a.c",)), "it is in (proof: origin)"),
    ],
)
def test_why(found: Verdict, why: str) -> None:
    assert found.why == why


def test_empty_fields_are_left_out_of_json() -> None:
    short = {"patch": "a.patch", "status": "clean", "commit": "c", "tree": "t"}
    assert verdict(Fate.CLEAN).to_json() == short
    assert UpstreamProof(Strength.ORIGIN, "x").commit == ""
    full = verdict(Fate.BLOCKED, files=("f",), how="h", proof=PROOF, blockers=("b",), reason="r")
    assert full.to_json() == {
        **short,
        "status": "blocked",
        "files": ["f"],
        "blockers": ["b"],
        "how": "h",
        "reason": "r",
        "proof": {"strength": "origin", "text": "it is in", "commit": "e"},
    }
