# SPDX-License-Identifier: LGPL-2.1-or-later
"""The rebuild key and what is said of two that differ."""

from __future__ import annotations

import random

from planex.content.key import Inputs, differences, outputs_digest

ROWS = (("base packages", "6"), ("buildroot", "4"), ("patch a.patch", "1"), ("source a.tar", "2"), ("spec", "3"))


def test_a_key_is_the_same_for_ever() -> None:
    """Another one makes every result of every workspace anew: raise FORMAT where that is meant."""
    assert Inputs(ROWS).key == "dbe6b5da15a254db903666c15a13edeebfc562e0cba45bcd9b92ebbda950c9a6"


def test_the_order_of_rows_and_rpms_does_not_matter() -> None:
    rows = list(ROWS)
    random.Random(1).shuffle(rows)
    assert Inputs.of(dict(rows)).rows == ROWS
    assert Inputs(tuple(rows)).key == Inputs(ROWS).key
    assert (Inputs.of(dict(rows[:2])) | dict(rows[2:])) == Inputs(ROWS)
    assert outputs_digest(["b", "a"]) == outputs_digest(["a", "b"]) != outputs_digest(["a"])


def test_every_label_and_every_digest_counts() -> None:
    keys = {Inputs(ROWS).key}
    for number, (label, digest) in enumerate(ROWS):
        keys |= {Inputs((*ROWS[:number], *ROWS[number + 1 :])).key}
        keys |= {Inputs((*ROWS[:number], row, *ROWS[number + 1 :])).key for row in ((label, "x"), ("x", digest))}
    assert len(keys) == 1 + 3 * len(ROWS)


def test_what_is_not_known_yet_is_named() -> None:
    assert Inputs((("source a", ""), ("source b", "1"), ("source c", ""))).unknown == ("source a", "source c")


def test_the_most_telling_change_comes_first() -> None:
    kinds = (
        "patch b",
        "patch c",
        "source b",
        "file b",
        "spec",
        "buildroot",
        "dependency b",
        "base packages",
        "about b",
    )
    old = Inputs.of(dict.fromkeys(kinds, "1"))
    new = Inputs.of(dict.fromkeys(kinds, "2"))
    assert differences(old, new) == (
        "patch b changed",
        "patch c changed",
        "source b changed",
        "file b changed",
        "spec changed",
        "buildroot changed",
        "dependency b was rebuilt",
        "base packages changed",
        "about b changed",
    )
    assert differences(old, old) == ()
    assert differences(Inputs(()), Inputs((("spec", "1"),))) == ("spec added",)
    assert differences(Inputs((("spec", "1"),)), Inputs(())) == ("spec removed",)
