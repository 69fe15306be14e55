# SPDX-License-Identifier: LGPL-2.1-or-later
"""For random queues: checkout and refresh change no byte; forecast and rebase agree; the new queue gives the tree."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from planex.git.repository import Repository
from planex.patchqueue.carry.verdict import Fate
from planex.patchqueue.commits.checkout import checkout, refresh
from planex.patchqueue.commits.export import Change
from planex.rebase.rebase import Finished, Stopped
from planex.report import Reporter
from planex.run import run
from tests.integration.patch_factory import Tree, apply_all, diff_text, mail, numbered, read_tree, unpack
from tests.integration.patch_workspace import PatchWorkspace

pytestmark = [pytest.mark.tools("git", "patch", "bwrap", "rpmbuild")]

START: Tree = {"a.c": numbered(24), "dir/b.c": numbered(24, "row")}
SLOW = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture, HealthCheck.data_too_large]


@st.composite
def edited(draw: st.DrawFn, tree: Tree, tag: str) -> dict[str, str]:
    """The tree after one edit: a line changed, put in or taken out, a file added or removed."""
    name = draw(st.sampled_from(sorted(tree)))
    lines = tree[name].splitlines()
    kind = draw(st.sampled_from(["change", "change", "insert", "remove", "add", "delete"]))
    at = draw(st.integers(0, max(len(lines) - 1, 0)))
    if kind == "add":
        new = draw(st.sampled_from(["new-0.c", "new-1.c", "dir/new-0.c", "fresh/new-0.c"]))
        return {**tree, new: f"{tag}\n" + numbered(6, "n")}
    if kind == "delete" and len(tree) > 1:
        return {other: text for other, text in tree.items() if other != name}
    if kind == "insert" or not lines:
        lines.insert(at, tag)
    elif kind == "remove":
        del lines[at]
    else:
        lines[at] = tag
    return {**tree, name: "".join(f"{line}\n" for line in lines)}


@st.composite
def histories(draw: st.DrawFn) -> tuple[list[Tree], Tree]:
    """A queue as the trees it goes through, and upstream's next version, which may have taken some of it."""
    trees: list[Tree] = [START]
    for number in range(draw(st.integers(1, 5))):
        trees.append(draw(edited(trees[-1], f"patch {number}")))
    upstream: Tree = trees[draw(st.sampled_from([0, 0, 0, 1, len(trees) - 1]))]
    for number in range(draw(st.integers(0, 4))):
        upstream = draw(edited(upstream, f"upstream {number}"))
    return trees, upstream


def patches_of(trees: list[Tree]) -> dict[str, str]:
    steps = [(old, new) for old, new in pairwise(trees) if old != new]
    return {f"p{n}.patch": mail(f"step {n}", diff_text(old, new)) for n, (old, new) in enumerate(steps, 1)}


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PatchWorkspace]:
    yield PatchWorkspace.create(tmp_path_factory.mktemp("property") / "w", START, {})


@given(history=histories())
@settings(max_examples=12, deadline=None, suppress_health_check=SLOW)
def test_forecast_and_rebase_agree(workspace: PatchWorkspace, history: tuple[list[Tree], Tree]) -> None:
    trees, upstream = history
    workspace.reset(START, patches_of(trees))
    source = workspace.source("2", upstream)
    foretold = forecast(workspace, source)
    seen: list[tuple[str, Fate]] = []
    rebase, progress = workspace.rebase(source)
    while isinstance(progress, Stopped):
        seen.append((progress.verdict.patch, progress.verdict.status))
        progress = rebase.decide()
    assert isinstance(progress, Finished)
    done: list[tuple[str, Fate]] = [
        (v.patch, v.status) for v in progress.state.verdicts if v.status is not Fate.SKIPPED
    ]
    assert sorted(seen + done) == sorted(foretold)
    head = progress.state.verdicts[-1].tree if progress.state.verdicts else None
    rebase.clean_up()
    check_tree(workspace, source, rebase.package.repository, head)


def forecast(workspace: PatchWorkspace, source: Path) -> list[tuple[str, Fate]]:
    package = workspace.load()
    with Reporter().task("test") as task:
        column = package.forecaster(package.current(task)).column(package.goal(str(source), {}, task).version)
    return [(verdict.patch, verdict.status) for verdict in column.verdicts]


def check_tree(workspace: PatchWorkspace, source: Path, repository: Repository, tree: str | None) -> None:
    """The refreshed queue, applied by patch and by git am to the new source, gives the tree that was merged."""
    queue = workspace.load().queue
    scratch = workspace.folder / "scratch"
    shutil.rmtree(scratch, ignore_errors=True)
    plain = unpack(source, scratch / "plain")
    apply_all(plain, queue)
    by_am = unpack(source, scratch / "am")
    env = {"GIT_CEILING_DIRECTORIES": str(scratch), "HOME": str(scratch)}
    for words in (["init", "-q"], ["add", "-A"], ["commit", "-q", "--allow-empty", "-m", "x"]):
        run(["git", "-c", "user.name=t", "-c", "user.email=t@t", *words], cwd=by_am, env=env)
    if queue.patches:
        argv = ["git", "-c", "user.name=t", "-c", "user.email=t@t", "am", "-q"]
        run([*argv, *(patch.path for patch in queue.patches)], cwd=by_am, env=env)
    assert read_tree(plain) == read_tree(by_am)
    if tree is not None:
        merged = scratch / "merged"
        merged.mkdir()
        repository.git("--work-tree", merged, "read-tree", tree, env={"GIT_INDEX_FILE": str(scratch / "index")})
        repository.git("--work-tree", merged, "checkout-index", "-a", env={"GIT_INDEX_FILE": str(scratch / "index")})
        assert read_tree(plain) == read_tree(merged)


SERIES_LINES = st.lists(
    st.sampled_from(["", "# --- Section", "#", "   # indented", "other.patch #+never", "# p9.patch"]),
    max_size=3,
    unique=True,
)
HEADERS = st.sampled_from(
    [
        "",
        "just text\n\nmore text, tab\there\n",
        "From: Jürgen <j@example.org>\nSubject: [PATCH 1/2] short\n\nbody  \n\n\n\nmore\n---\n f | 2 +-\n\n",
        "Description: deb\n long text\n .\n more\nAuthor: X <x@y>\nOrigin: upstream\n\n",
        "latin \udce9t\udce9\n\n",
        "# comment first\n# second\n",
    ]
)


@given(history=histories(), data=st.data())
@settings(max_examples=12, deadline=None, suppress_health_check=SLOW)
def test_checkout_then_refresh_changes_no_byte(
    workspace: PatchWorkspace, history: tuple[list[Tree], Tree], data: st.DataObject
) -> None:
    trees, _ = history
    steps = [(old, new) for old, new in pairwise(trees) if old != new]
    patches = {"other.patch": "nothing\n"}
    series = ""
    for number, (old, new) in enumerate(steps, 1):
        context, git = data.draw(st.sampled_from([3, 2, 5])), data.draw(st.booleans())
        patches[f"p{number}.patch"] = data.draw(HEADERS) + diff_text(old, new, context=context, git=git)
        lines = [line for line in data.draw(SERIES_LINES) if line != "other.patch #+never" or "other" not in series]
        suffix = data.draw(st.sampled_from(["", " # remark", "  #-never", "\t-p1"]))
        series += "".join(f"{line}\n" for line in lines) + f"p{number}.patch{suffix}\n"
    workspace.reset(START, patches, series)
    before = read_tree(workspace.queue)
    package = workspace.load()
    with Reporter().task("test") as task:
        chain = package.chain(package.current(task))
    folder = workspace.folder / "trees" / "pkg"
    checkout(package.repository, chain, package.queue, "pkg", folder)
    result = refresh(folder, package.queue)
    assert {item.change for item in result.exported} <= {Change.SAME}
    assert [item.entry.name for item in result.exported] == [link.patch.name for link in chain.links if link.applies]
    assert read_tree(workspace.queue) == before
