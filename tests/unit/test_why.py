# SPDX-License-Identifier: LGPL-2.1-or-later
"""Sentences on why a package is built, and the errors of a log."""

from __future__ import annotations

from pathlib import Path

import pytest

from planex.engine.excerpt import errors_of
from planex.engine.plan import Action, Plan, Step
from planex.pages.why import since_text, why_text


def plan(*steps: tuple[str, Action, tuple[str, ...]]) -> Plan:
    return Plan(tuple(Step(name, action, reasons, (), 0.0) for name, action, reasons in steps))


@pytest.mark.parametrize(
    ("action", "reasons", "sentence"),
    [
        (Action.KEEP, ("up to date",), "xen is up to date."),
        (Action.REUSE, ("x",), "xen needs no build: an earlier result was made from the same."),
        (Action.TAKE, ("from store file:/s",), "xen needs no build: it comes from store file:/s."),
        (Action.BUILD, ("new",), "xen is to be built: no result of it is here."),
        (Action.BUILD, ("patch a changed", "spec changed"), "xen is to be built: patch a changed and spec changed."),
        (Action.BUILD, ("a", "b", "c", "d"), "xen is to be built for 4 reasons:\n  a\n  b\n  c\n  d"),
    ],
)
def test_a_sentence_says_what_becomes_of_a_package(action: Action, reasons: tuple[str, ...], sentence: str) -> None:
    assert why_text("xen", plan(("xen", action, reasons)), "") == sentence


def test_what_a_package_waits_for_is_told_behind_it() -> None:
    waits = ("dependency yajl is to be rebuilt",)
    rows = [
        ("zlib", Action.KEEP, ("up to date",)),
        ("yajl", Action.BUILD, ("source y changed",)),
        ("xen", Action.BUILD, waits),
    ]
    own, held_against, needed = why_text("xen", plan(*rows), "kk of 2026, 1 input").splitlines()
    assert own == "xen itself has not changed; it is built again if what it needs comes out otherwise: yajl."
    assert held_against == "  compared with: kk of 2026, 1 input"
    assert needed == "yajl is to be built: source y changed."


def test_a_commit_is_compared_with_package_by_package() -> None:
    assert since_text("xen", "v1", {}) == "xen and all that it needs are what they were at v1."
    assert since_text("xen", "v1", {"xen": ("spec changed",), "yajl": ("is new",)}) == (
        "xen is not what it was at v1: spec changed.\nyajl, which it needs, changed: is new."
    )
    assert since_text("xen", "v1", {"yajl": ("spec changed",)}).startswith("xen itself is what it was at v1, but not")


def test_all_errors_of_a_log_have_their_numbers(tmp_path: Path) -> None:
    log = tmp_path / "build.log"
    log.write_text(
        "$ rpmbuild\n+ echo error: x\nx.c:1: error: no\nsh: y: not found\nx.c:2: error: also\nerror: Bad exit status\n"
    )
    assert errors_of(log) == [(3, "x.c:1: error: no"), (5, "x.c:2: error: also")]
    log.write_text("one\nsh: y: not found\n")
    assert errors_of(log) == [(2, "sh: y: not found")]
    log.write_text("+ exit 3\nerror: Bad exit status from /var/tmp/x (%build)\n")
    assert errors_of(log) == [(2, "error: Bad exit status from /var/tmp/x (%build)")]
    log.write_text("all is well\n")
    assert errors_of(log) == []
