# SPDX-License-Identifier: LGPL-2.1-or-later
"""Commits as patches: each patch file is proved to make its commit's tree before it is written."""

from __future__ import annotations

from pathlib import Path

import pytest

from planex.errors import PlanexError
from planex.git.pipes import Differ
from planex.patchqueue.commits.commits import Chain
from planex.patchqueue.commits.export import Change, Exported, export, read_commits
from planex.patchqueue.format.queue import load_queue
from tests.integration.patch_factory import Bench, Tree, numbered, replace_line, steps, write_queue

pytestmark = pytest.mark.tools("git", "patch")

OLD: Tree = {"a.c": numbered(40), "b.c": numbered(20, "row")}
ONE = replace_line(OLD, "a.c", "line 20", "patched")
TWO = replace_line(ONE, "b.c", "row 5", "patched too")
OTHER = replace_line(ONE, "b.c", "row 5", "patched otherwise")


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def chain(bench: Bench, *trees: Tree) -> Chain:
    return bench.forecaster(OLD, steps([OLD, *trees])).chain()


def exported(bench: Bench, commits: Chain) -> list[Exported]:
    """What becomes of the queue that is on the disk."""
    found = read_commits(bench.repository, commits.base.commit, commits.head)
    return export(bench.repository, commits.base.tree, found, load_queue(bench.folder / "queue"))


def test_what_did_not_change_keeps_its_bytes(bench: Bench) -> None:
    found = exported(bench, chain(bench, ONE, TWO))
    assert [each.change for each in found] == [Change.SAME, Change.SAME]
    assert [each.data for each in found] == [(bench.folder / "queue" / f"p{n}.patch").read_bytes() for n in (1, 2)]


def test_a_patch_that_makes_another_tree_is_written_anew(bench: Bench) -> None:
    commits = chain(bench, ONE, OTHER)
    chain(bench, ONE, TWO)  # the queue on the disk is another now
    found = exported(bench, commits)
    assert [each.change for each in found] == [Change.SAME, Change.DIFF]
    assert b"+patched otherwise\n" in found[1].data
    write_queue(bench.folder / "queue", {each.entry.name: each.data.decode() for each in found})
    assert [each.change for each in exported(bench, commits)] == [Change.SAME, Change.SAME]


def test_a_diff_that_does_not_make_the_commits_tree_is_refused(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    commits = chain(bench, ONE, OTHER)
    chain(bench, ONE, TWO)
    real = Differ.diff
    monkeypatch.setattr(
        Differ, "diff", lambda self, old, new: real(self, old, new).replace(b"+patched otherwise", b"+patched wrongly")
    )
    with pytest.raises(PlanexError, match="cannot be written as a patch for GNU patch"):
        exported(bench, commits)
