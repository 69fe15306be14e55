# SPDX-License-Identifier: LGPL-2.1-or-later
"""Merging a patch's files by themselves gives what merging the whole trees gives; trees made here are git's."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from planex.git.pipes import Objects
from planex.git.pipeset import PipeSet
from planex.git.repository import NOBODY
from planex.git.trees import TreeFiles, decode_tree, encode_tree
from planex.patchqueue.carry.mergers import merge_patch, plain_sides
from planex.patchqueue.commits.commits import build_chain
from planex.patchqueue.commits.sourcecommit import import_source
from planex.patchqueue.format.queue import Patch
from planex.patchqueue.format.series import Entry
from tests.integration.patch_factory import Bench, Tree, diff_text, numbered, write_tarball
from tests.integration.test_patchqueue_property import SLOW, edited

pytestmark = [pytest.mark.tools("git", "patch")]

OLD: Tree = {"a.c": numbered(20), "dir/b.c": numbered(20, "row"), "dir/sub/c.c": numbered(12, "c")}


@st.composite
def moved(draw: st.DrawFn, tree: Tree) -> dict[str, str]:
    """The tree with a file or the whole folder under another name."""
    if draw(st.booleans()):
        return {name.replace("dir/", "other/"): text for name, text in tree.items()}
    name = draw(st.sampled_from(sorted(tree)))
    return {(f"moved/{other}" if other == name else other): text for other, text in tree.items()}


@st.composite
def cases(draw: st.DrawFn) -> tuple[Tree, Tree]:
    """A patch's tree and upstream's next version, both made from OLD."""
    patched, upstream = dict(OLD), dict(OLD)
    for number in range(draw(st.integers(1, 3))):
        patched = draw(edited(patched, f"patch {number}"))
    if draw(st.integers(0, 3)) == 0:
        upstream = draw(moved(upstream))
    for number in range(draw(st.integers(0, 3))):
        upstream = draw(edited(upstream, f"upstream {number}"))
    return patched, upstream


MOVED = {name.replace("dir/", "other/"): text for name, text in OLD.items()}


@given(case=cases())
@example(case=({**OLD, "dir/new.c": "new\n"}, MOVED))
@example(case=({**OLD, "dir/sub/new.c": "new\n"}, MOVED))
@example(case=({**OLD, "fresh/new.c": "new\n"}, MOVED))
@example(case=({**OLD, "new.c": "new\n"}, {**OLD, "new.c/x": "a folder\n"}))
@example(case=({**OLD, "a.c": OLD["a.c"] + "more\n"}, {**MOVED, "z.c": OLD["a.c"]}))
@settings(max_examples=40, deadline=None, suppress_health_check=SLOW)
def test_both_ways_agree(tmp_path_factory: pytest.TempPathFactory, case: tuple[Tree, Tree]) -> None:
    patched, upstream = case
    folder = tmp_path_factory.mktemp("merge")
    repository = Bench(folder).repository
    old = import_source(repository, write_tarball(folder / "old-1.tar", OLD), "old")
    new = import_source(repository, write_tarball(folder / "new-2.tar", upstream), "new")
    patch = Patch(Entry("p.patch"), folder / "p.patch", diff_text(OLD, patched).encode())
    if patch.empty:
        return
    (link,) = build_chain(repository, old, [patch]).links
    with PipeSet(repository) as pipes:
        files = TreeFiles(repository, pipes.objects, new.tree)
        ours = repository.write_commit(new.tree, [link.parent], NOBODY, "x\n")
        whole = pipes.merger.merge(ours, link.commit)
        alone = merge_patch(pipes, files, link)
        assert alone.clean == whole.clean
        if whole.clean:
            assert files.graft(alone.changes) == whole.tree
        elif plain_sides(files, link) is not None:
            assert set(alone.conflicts) == set(whole.files)


def test_trees_are_gits(tmp_path: Path) -> None:
    tree = {"a.c": "2\n", "a/b": "3\n", "dir/x": "4\n", "dir-x": "5\n", "dir.x/y": "6\n"}
    repository = Bench(tmp_path).repository
    source = import_source(repository, write_tarball(tmp_path / "x-1.tar", tree), "x")
    with Objects(repository) as objects:
        data = objects.tree(source.tree)
        assert encode_tree(decode_tree(data)) == data
        files = TreeFiles(repository, objects, source.tree)
        assert files.graft({}) == source.tree
        entry = files.entry("dir/x")
        without = files.graft({"dir/x": None, "a.c": None})
        assert repository.git("ls-tree", "-r", "--name-only", without).split() == ["a/b", "dir-x", "dir.x/y"]
        files.follow(without, {"dir/x": None, "a.c": None})
        assert not files.has_folder("dir")
        assert files.graft({"dir/x": entry, "a.c": decode_tree(data)["a.c"]}) == source.tree


def test_a_tree_that_takes_changes_is_the_one_that_a_graft_makes(tmp_path: Path) -> None:
    repository = Bench(tmp_path).repository
    source = import_source(repository, write_tarball(tmp_path / "x-1.tar", {"a.c": "2\n", "d/e/x": "4\n"}), "x")
    with Objects(repository) as objects:
        one, two = (TreeFiles(repository, objects, source.tree) for _ in range(2))
        entry = one.entry("a.c")
        for changes in (
            {"d/e/x": None},
            {"d/e/y": entry, "f/g/h": entry},
            {"f/g/h": None, "a.c": None, "f/z": entry},
            {"d/e/y": None, "f/z": None, "x": entry},
        ):
            one.take(changes)
            two.follow(two.graft(changes), changes)
            assert one.has_folder("d/e") == two.has_folder("d/e")
            assert one.has_folder("f") == two.has_folder("f")
            assert [one.get(path) for path in changes] == [two.get(path) for path in changes]
        assert one.tree == one.graft({}) == two.tree == repository.git("rev-parse", f"{two.tree}^{{tree}}")
