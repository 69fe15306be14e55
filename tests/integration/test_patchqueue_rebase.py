# SPDX-License-Identifier: LGPL-2.1-or-later
"""``planex patchqueue rebase`` as a user runs it: conflicts, resume after kill -9, skip, drop, abort, solutions."""

from __future__ import annotations

import json
import re
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from planex.patchqueue.carry.judge import Orders
from planex.patchqueue.commits.writeback import Writes, carry_out
from planex.patchqueue.format.queue import load_queue
from planex.rebase.rebase import Finished
from planex.rebase.state import load_state
from planex.rpm.mockroots import CALLER
from planex.run import run
from planex.workspace import Workspace
from tests.conftest import ROOT
from tests.integration.patch_factory import Tree, apply_all, numbered, read_tree, replace_line, steps, unpack
from tests.integration.patch_workspace import PACKAGE_YAML, PatchWorkspace

pytestmark = [pytest.mark.tools("git", "patch", "bwrap", "rpmbuild")]

OLD: Tree = {"a.c": numbered(60), "b.c": numbered(30, "row")}
ONE = replace_line(OLD, "a.c", "line 10", "one")
TWO = replace_line(ONE, "a.c", "line 30", "two")
THREE = replace_line(TWO, "b.c", "row 20", "three")
FOUR = replace_line(THREE, "a.c", "line 50", "four")
PATCHES = steps([OLD, ONE, TWO, THREE, FOUR])
SERIES = "# --- First\np1.patch\np2.patch\n\n# --- Second\np3.patch # why\nskip.patch #+never\np4.patch\n"
# Conflicts with p2 and p4, has p3 already, moves p1.
NEW = {
    "a.c": "new\n" + OLD["a.c"].replace("line 30\n", "upstream 30\n").replace("line 50\n", "upstream 50\n"),
    "b.c": THREE["b.c"],
}


@pytest.fixture
def workspace(tmp_path: Path) -> PatchWorkspace:
    patches = {**PATCHES, "skip.patch": PATCHES["p1.patch"]}
    return PatchWorkspace.create(tmp_path / "w", OLD, patches, SERIES)


@pytest.fixture
def source(workspace: PatchWorkspace) -> Path:
    return workspace.source("2", NEW)


def tree(workspace: PatchWorkspace) -> Path:
    return workspace.folder / "trees" / "pkg-rebase"


def solve(workspace: PatchWorkspace) -> bool:
    """Take the patch's side in every conflict; whether there was one."""
    solved = False
    for path in tree(workspace).glob("*.c"):
        text = path.read_text()
        mended = re.sub(r"<{7} .*?={7}\n(.*?)>{7} [^\n]*\n", r"\1", text, flags=re.DOTALL)
        if mended != text:
            path.write_text(mended)
            solved = True
    return solved


def finish(workspace: PatchWorkspace) -> None:
    """Solve and continue until it is done."""
    for _ in range(6):
        solve(workspace)
        done = workspace.planex("pq", "rebase", "pkg", "--continue")
        if done.returncode == 0:
            return
        assert "conflict" in done.stderr, done.stderr
    pytest.fail("never finished")


def check_result(workspace: PatchWorkspace, source: Path) -> None:
    """Queue, package.yaml and source are those of version 2."""
    assert (workspace.recipe / "package.yaml").read_text() == PACKAGE_YAML.replace('"1"  #', '"2"  #')
    assert (workspace.recipe / "pkg-2.tar").read_bytes() == source.read_bytes()
    expected = SERIES.replace("p3.patch # why\n", "")
    assert (workspace.queue / "series").read_text() == expected
    assert not (workspace.queue / "p3.patch").exists()
    assert (workspace.queue / "p1.patch").read_text() == PATCHES["p1.patch"]
    plain = unpack(source, workspace.folder / "result")
    apply_all(plain, load_queue(workspace.queue))
    assert read_tree(plain)["a.c"] == "new\n" + FOUR["a.c"]
    assert load_state(Workspace(workspace.folder), "pkg") is None
    assert not tree(workspace).exists()


def test_stops_continues_and_reports(workspace: PatchWorkspace, source: Path) -> None:
    stopped = workspace.planex("pq", "rebase", "pkg", source)
    assert stopped.returncode == 1
    assert re.search(r"offset +p1\.patch", stopped.stderr), "the fate of all patches is shown first"
    assert re.search(r"upstreamed +p3\.patch +merging it leaves 2 as it is \(proof: no change\)", stopped.stderr)
    assert "patch 2 of 4, p2.patch: conflict" in stopped.stderr
    assert "in a.c" in stopped.stderr
    assert (workspace.queue / "series").read_text() == SERIES, "nothing is written before the end"
    early = workspace.planex("pq", "rebase", "pkg", "--continue")
    assert (early.returncode, "a.c still has conflict markers" in early.stderr) == (1, True)
    status = workspace.planex("pq", "rebase", "pkg", "--status", "--json")
    assert json.loads(status.stdout)["stopped_at"] == "p2.patch"
    assert solve(workspace)
    again = workspace.planex("pq", "rebase", "pkg", "--continue")
    assert "patch 4 of 4, p4.patch: conflict" in again.stderr
    assert solve(workspace)
    end = workspace.planex("pq", "rebase", "pkg", "--continue")
    assert end.returncode == 0, end.stderr
    assert "1 -> 2: 1 offset, 2 resolved, 1 upstreamed" in end.stdout
    assert "How p2.patch changed" in end.stdout
    assert "not carried, as the chosen guards leave them out: skip.patch" in end.stdout
    message = (workspace.folder / "_build/patchqueue/pkg-rebase/commit-message.txt").read_text()
    assert "- p3.patch: upstreamed, merging it leaves 2 as it is (proof: no change)" in message
    check_result(workspace, source)


@pytest.mark.parametrize(
    ("command", "when"),
    [
        ("cherry-pick", "start"),
        ("checkout", "start"),
        ("init", "start"),
        ("write-tree", "continue"),
        ("rerere", "continue"),
        ("checkout", "continue"),
        ("range-diff", "continue"),
    ],
)
def test_outlives_kill_9(
    workspace: PatchWorkspace, source: Path, fake_tool: Callable[[str, str], Path], command: str, when: str
) -> None:
    """planex is killed just as it runs a certain git command; the work goes on from there."""
    real = shutil.which("git")
    mark = workspace.folder / "killed"
    over = workspace.folder / "over"
    armed = workspace.folder / "armed"
    script = (
        f'#!/bin/sh\nfor word; do\n  if [ "$word" = {command} ] && [ -e {armed} ] && [ ! -e {mark} ]; then\n'
        f'    touch {mark}; kill -9 $PPID; {real} "$@"; touch {over}; exit\n  fi\ndone\nexec {real} "$@"\n'
    )
    fake_tool("git", script)
    if when == "start":
        armed.touch()
    first = workspace.planex("pq", "rebase", "pkg", source)
    if when == "continue":
        assert first.returncode == 1
        solve(workspace)
        armed.touch()
        finish_or_die(workspace, mark)
    assert mark.exists(), "the command under test was never run"
    while not over.exists():  # git goes on alone, and the next one would meet its index.lock
        time.sleep(0.02)
    if load_state(Workspace(workspace.folder), "pkg") is None:
        workspace.planex("pq", "rebase", "pkg", source)
    finish(workspace)
    check_result(workspace, source)


def finish_or_die(workspace: PatchWorkspace, mark: Path) -> None:
    for _ in range(4):
        solve(workspace)
        workspace.planex("pq", "rebase", "pkg", "--continue")
        if mark.exists():
            return


def test_goes_on_after_being_killed_while_writing(
    workspace: PatchWorkspace, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The journal lists all files to write, so a half-written workspace is completed."""
    rebase, _ = workspace.rebase(source)
    solve(workspace)
    rebase.go_on()
    solve(workspace)

    def die_half_way(root: Path, writes: Writes) -> None:
        some = dict(list(writes.files.items())[:2])
        carry_out(root, Writes(some))
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("planex.rebase.rebase.carry_out", die_half_way)
        with pytest.raises(KeyboardInterrupt):
            rebase.go_on()
    done = workspace.planex("pq", "rebase", "pkg", "--continue")
    assert done.returncode == 0, done.stderr
    assert "2 resolved" in done.stdout
    check_result(workspace, source)


def test_a_committed_solution_is_taken_as_it_is(workspace: PatchWorkspace, source: Path) -> None:
    workspace.planex("pq", "rebase", "pkg", source)
    solve(workspace)
    git = ["git", "-c", "user.name=P", "-c", "user.email=p@q"]
    run([*git, "-C", tree(workspace), "commit", "-qam", "step 2, by hand\n\nPatch-name: p2.patch"])
    finish(workspace)
    text = (workspace.queue / "p2.patch").read_text()
    assert "Subject: step 2, by hand\n" in text
    assert "From: A U Thor <author@example.org>\n" in text
    check_result(workspace, source)


def test_drop_and_skip(workspace: PatchWorkspace, source: Path) -> None:
    workspace.planex("pq", "rebase", "pkg", source)
    dropped = workspace.planex("pq", "rebase", "pkg", "--drop", "upstream does it better")
    assert "p4.patch: conflict" in dropped.stderr
    done = workspace.planex("pq", "rebase", "pkg", "--skip")
    assert done.returncode == 0, done.stderr
    series = (workspace.queue / "series").read_text()
    assert series == "# --- First\np1.patch\n\n# --- Second\nskip.patch #+never\np4.patch #+needs-rebase\n"
    assert not (workspace.queue / "p2.patch").exists()
    assert (workspace.queue / "p4.patch").read_text() == PATCHES["p4.patch"]
    message = (workspace.folder / "_build/patchqueue/pkg-rebase/commit-message.txt").read_text()
    assert "- p2.patch: dropped, upstream does it better" in message
    assert "- p4.patch: skipped" in message
    assert not (workspace.queue / "rerere").exists(), "leaving a conflict is no solution of it"


def test_abort_changes_nothing_and_keeps_the_tree(workspace: PatchWorkspace, source: Path) -> None:
    before = read_tree(workspace.folder / "patchqueues"), (workspace.recipe / "package.yaml").read_text()
    workspace.planex("pq", "rebase", "pkg", source)
    (tree(workspace) / "mine.c").write_text("mine\n")
    done = workspace.planex("pq", "rebase", "pkg", "--abort")
    assert done.returncode == 0
    assert (tree(workspace).with_name("pkg-rebase-aborted-1") / "mine.c").read_text() == "mine\n"
    assert before == (read_tree(workspace.folder / "patchqueues"), (workspace.recipe / "package.yaml").read_text())
    assert workspace.planex("pq", "rebase", "pkg", "--status").stdout == "no rebase of pkg is under way\n"


def test_the_report_is_written_by_whoever_goes_on(workspace: PatchWorkspace, source: Path) -> None:
    _, progress = workspace.rebase(source, Orders(drop={"p2.patch": "not needed", "p4.patch": "neither"}))
    assert isinstance(progress, Finished)
    assert not progress.reports.exists()
    assert workspace.planex("pq", "rebase", "pkg", "--continue").returncode == 0
    assert "- p2.patch: dropped, not needed" in (progress.reports / "commit-message.txt").read_text()
    assert json.loads((progress.reports / "report.json").read_text())["to"] == "2"


def test_a_conflict_solved_once_stays_solved(workspace: PatchWorkspace, source: Path) -> None:
    workspace.planex("pq", "rebase", "pkg", source)
    finish(workspace)
    solutions = workspace.queue / "rerere"
    assert len(list(solutions.glob("*/postimage"))) == 2
    kept = workspace.folder / "kept"
    solutions.rename(kept)
    workspace.reset(OLD, {**PATCHES, "skip.patch": PATCHES["p1.patch"]}, SERIES)
    kept.rename(workspace.queue / "rerere")
    foretold = workspace.planex("pq", "forecast", "pkg", "--onto", source)
    assert foretold.returncode == 0
    assert "1 offset, 2 rerere, 1 upstreamed" in foretold.stdout
    done = workspace.planex("pq", "rebase", "pkg", source)
    assert done.returncode == 0, done.stderr
    check_result(workspace, source)


def test_goes_the_way_of_the_last_forecast(workspace: PatchWorkspace) -> None:
    """The file moves, then changes beyond recognition; the version in between helps, in forecast and rebase alike."""
    workspace.reset(OLD, {"p1.patch": PATCHES["p1.patch"]})
    middle = workspace.source("2", {"moved.c": OLD["a.c"], "b.c": OLD["b.c"]})
    lines = OLD["a.c"].splitlines(keepends=True)
    far = [line if 5 <= n <= 15 else f"rewritten {n}\n" for n, line in enumerate(lines, 1)]
    source = workspace.source("3", {"moved.c": "".join(far) + numbered(90, "added"), "b.c": OLD["b.c"]})
    assert workspace.planex("pq", "forecast", "pkg", "--onto", source).returncode == 1
    both = workspace.planex("pq", "forecast", "pkg", "--onto", middle, "--onto", source)
    assert (both.returncode, "by way of 2" in both.stdout) == (0, True)
    done = workspace.planex("pq", "rebase", "pkg", source)
    assert done.returncode == 0, done.stderr
    assert "pkg: 1 -> 2 -> 3" in done.stderr
    assert "by way of 2" in done.stdout


def test_patches_are_ruled_on_beforehand(workspace: PatchWorkspace, source: Path) -> None:
    words = ["--without", "p2.patch=not now", "--without", "p4=no", "--keep", "p3.patch"]
    done = workspace.planex("pq", "rebase", "pkg", source, *words)
    assert (done.returncode, "p3.patch: conflict" in done.stderr) == (1, True)
    assert "is to be kept, but nothing is left of it" in done.stderr
    assert workspace.planex("pq", "rebase", "pkg", "--drop", "it is upstream").returncode == 0
    wrong = workspace.planex("pq", "rebase", "pkg", source, "--keep", "nope.patch")
    assert (wrong.returncode, "no applied patch 'nope.patch'" in wrong.stderr) == (2, True)


@pytest.mark.parametrize("patches", [{}, {"comment.patch": "# nothing yet\n"}])
def test_a_queue_with_nothing_in_it(workspace: PatchWorkspace, patches: dict[str, str]) -> None:
    workspace.reset(OLD, patches)
    before = read_tree(workspace.queue)
    done = workspace.planex("pq", "rebase", "pkg", workspace.source("2", NEW))
    assert done.returncode == 0, done.stderr
    assert read_tree(workspace.queue) == before
    assert 'version: "2"' in (workspace.recipe / "package.yaml").read_text()
    assert workspace.planex("pq", "check", "pkg").returncode == 0


def test_usage(workspace: PatchWorkspace, source: Path) -> None:
    assert workspace.planex("pq", "rebase", "pkg").returncode == 2
    assert workspace.planex("pq", "rebase", "pkg", source, "--continue").returncode == 2
    none = workspace.planex("pq", "rebase", "pkg", "--continue")
    assert (none.returncode, "no rebase of pkg is under way" in none.stderr) == (1, True)
    workspace.planex("pq", "rebase", "pkg", source)
    twice = workspace.planex("pq", "rebase", "pkg", source)
    assert "a rebase of pkg is under way" in twice.stderr
    (workspace.queue / "series").write_text("p1.patch\n")
    changed = workspace.planex("pq", "rebase", "pkg", "--continue")
    assert "was changed since the rebase began" in changed.stderr


def test_an_address_that_package_yaml_cannot_say(workspace: PatchWorkspace, source: Path) -> None:
    odd = source.rename(source.with_name("something.tar"))
    done = workspace.planex("pq", "rebase", "pkg", odd)
    assert done.returncode == 2
    assert "--set version=1.2.3" in done.stderr


@pytest.mark.parametrize("width", [80, 120])
def test_every_table_keeps_to_the_width_of_the_terminal(workspace: PatchWorkspace, source: Path, width: int) -> None:
    name = f"third-patch-{'whose-name-takes-much-of-a-line-' * (width // 40 - 1)}.patch"
    (workspace.queue / "p3.patch").rename(workspace.queue / name)
    series = workspace.queue / "series"
    series.write_text(series.read_text().replace("p3.patch", name))
    argv = [sys.executable, "-m", "planex", "-C", str(workspace.folder), "pq", "rebase", "pkg"]
    env = {"PYTHONPATH": str(ROOT), "COLUMNS": str(width)}
    for words in ([str(source)], ["--continue"], ["--status"], ["--continue"]):
        solve(workspace)
        done = run([*argv, *words], check=False, env=env, inherit=CALLER)
        told = [line for line in (done.stderr + done.stdout).splitlines() if name in line or "merging it" in line]
        assert [line for line in told if len(line) > width] == []
        assert told or words == ["--continue"]
    assert done.returncode == 0, done.stderr
