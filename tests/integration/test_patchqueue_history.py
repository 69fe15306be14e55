# SPDX-License-Identifier: LGPL-2.1-or-later
"""Upstream's git history: proofs that a patch is upstream, and the commit that breaks one."""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from planex.errors import PlanexError
from planex.git.pipeset import PipeSet
from planex.git.repository import Repository
from planex.patchqueue.carry import commitindex
from planex.patchqueue.carry.breaker import find_breakers
from planex.patchqueue.carry.history import UpstreamHistory, fetch_tags
from planex.patchqueue.carry.judge import Judge
from planex.patchqueue.carry.verdict import Fate, Strength, Verdict
from planex.patchqueue.commits.sourcecommit import import_source
from planex.run import run
from tests.integration.patch_factory import Bench, Tree, diff_text, mail, numbered, replace_line
from tests.integration.patch_workspace import PatchWorkspace

pytestmark = [pytest.mark.tools("git", "patch")]

OLD: Tree = {"a.c": numbered(60), "b.c": numbered(20, "row")}
PATCHED = replace_line(OLD, "a.c", "line 30", "patched")
DATE = "Mon, 1 Jan 2024 10:00:00 +0200"


def lines_of(count: int, text: str, tree: Tree = OLD) -> Tree:
    """The tree with this many of the lines from 10 on changed."""
    for number in range(10, 10 + count):
        tree = replace_line(tree, "a.c", f"line {number}", f"{text}_{number}();")
    return tree


class Upstream:
    """A git repository of upstream's with tags v1 (OLD) and v2."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        self._git("init", "-q")
        self.commit(OLD, "first", "v1")

    def _git(self, *words: str) -> str:
        env = {"GIT_AUTHOR_DATE": DATE, "GIT_CONFIG_GLOBAL": "/dev/null"}
        names = ["-c", "user.name=U", "-c", "user.email=u@p"]
        return run(["git", *names, *words], cwd=self.folder, env=env).stdout.strip()

    def commit(self, tree: Tree, message: str, tag: str | None = None) -> str:
        """Commit a tree; its id."""
        for name, text in tree.items():
            (self.folder / name).write_text(text)
        self._git("add", "-A")
        self._git("commit", "-q", "--allow-empty", "-m", message)
        if tag:
            self._git("tag", tag)
        return self._git("rev-parse", "HEAD")

    def branch(self, name: str, start: str) -> None:
        """Begin a branch; commits go on there."""
        self._git("checkout", "-q", "-b", name, start)

    def tag(self, name: str, commit: str) -> None:
        """Move a tag."""
        self._git("tag", "--force", name, commit)


@pytest.fixture
def upstream(tmp_path: Path) -> Upstream:
    return Upstream(tmp_path / "upstream")


def judge(bench: Bench, upstream: Upstream, patch: str, new: Tree) -> Verdict:
    """The verdict on a patch with the history between v1 and v2 at hand."""
    forecaster = bench.forecaster(OLD, {"p.patch": patch})
    version = bench.version("v2", new)
    chain = forecaster.chain()
    tags = fetch_tags(bench.repository, str(upstream.folder), ["v1", "v2"])
    history = UpstreamHistory(bench.repository, chain, tags["v1"], tags["v2"])
    base = import_source(bench.repository, version.source, "v2", version.checksum)
    with PipeSet(bench.repository) as pipes:
        return Judge(pipes, chain, base, proof=history.finding).run()[0]


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


LATER = replace_line(PATCHED, "a.c", "patched", "patched, then changed again")
"""The new version: merging the patch into it conflicts, so only the history can tell."""


def test_the_patch_names_its_origin(bench: Bench, upstream: Upstream) -> None:
    origin = upstream.commit(PATCHED, "the fix")
    upstream.commit(LATER, "more", "v2")
    patch = mail("a backport", diff_text(OLD, PATCHED), body=f"(cherry picked from commit {origin[:14]})")
    verdict = judge(bench, upstream, patch, LATER)
    assert verdict.status is Fate.UPSTREAMED
    assert verdict.proof is not None
    assert (verdict.proof.strength, verdict.proof.commit) == (Strength.ORIGIN, origin)


@pytest.mark.parametrize("later", ["", "line 30"])
def test_an_origin_with_other_contents_is_asked_about(bench: Bench, upstream: Upstream, later: str) -> None:
    """Whether the patch still goes in or not: upstream solved it another way, or the patch only names the commit."""
    other = replace_line(OLD, "a.c", later or "line 40", "done otherwise")
    origin = upstream.commit(other, "the fix", "v2")
    patch = mail("a backport", diff_text(OLD, PATCHED), body=f"(cherry picked from commit {origin})")
    verdict = judge(bench, upstream, patch, other)
    assert verdict.status is Fate.DOUBTFUL
    assert f"taken from upstream's {origin[:12]}, which is in, but upstream has" in verdict.why
    assert "would lose" in verdict.why
    assert "'+patched'" in verdict.why


def test_lines_that_other_commits_of_the_range_brought_count(bench: Bench, upstream: Upstream) -> None:
    origin = upstream.commit(replace_line(OLD, "a.c", "line 40", "first half"), "one")
    whole = replace_line(replace_line(OLD, "a.c", "line 40", "first half"), "a.c", "line 50", "second half")
    upstream.commit(whole, "two")
    later = {**whole, "a.c": whole["a.c"].replace("half", "third")}
    upstream.commit(later, "more", "v2")
    patch = mail("x", diff_text(OLD, whole), body=f"(cherry picked from commit {origin})")
    assert judge(bench, upstream, patch, later).status is Fate.UPSTREAMED


def test_a_partial_backport_keeps_its_remainder(bench: Bench, upstream: Upstream) -> None:
    origin = upstream.commit(PATCHED, "the fix", "v2")
    more = replace_line(replace_line(PATCHED, "a.c", "line 50", "our own"), "b.c", "row 9", "ours, too")
    patch = mail("a backport", diff_text(OLD, more), body=f"(backported from commit {origin})")
    verdict = judge(bench, upstream, patch, PATCHED)
    assert verdict.status is Fate.MERGED
    assert verdict.how == f"upstream's {origin[:12]} has 2 of its 6 changed lines; the rest is kept"
    assert bench.repository.git("show", f"{verdict.tree}:a.c").splitlines() == more["a.c"].splitlines()


@pytest.mark.parametrize("subject", ["x86/mm: mend the thing", "[PATCH v2] X86/mm: mend the thing."])
def test_a_commit_of_that_name_with_other_contents_is_asked_about(
    bench: Bench, upstream: Upstream, subject: str
) -> None:
    """Though the patch would go in without a conflict."""
    half = replace_line(OLD, "a.c", "line 30", "x();")
    mine, theirs = replace_line(half, "a.c", "line 40", "y();"), replace_line(half, "a.c", "line 50", "z();")
    commit = upstream.commit(theirs, subject, "v2")
    verdict = judge(bench, upstream, mail("x86/mm: mend the thing", diff_text(OLD, mine)), theirs)
    assert verdict.status is Fate.DOUBTFUL
    assert f"upstream's {commit[:12]} has its subject, but 2 of its 4 changed lines" in verdict.why


def test_a_commit_of_nearly_that_name_needs_half_of_the_contents(bench: Bench, upstream: Upstream) -> None:
    mine, theirs = dict(OLD), dict(OLD)
    for number in range(30, 40):
        mine = replace_line(mine, "a.c", f"line {number}", f"mine {number}")
        theirs = replace_line(theirs, "a.c", f"line {number}", f"mine {number}" if number < 36 else f"other {number}")
    upstream.commit(theirs, "x86/mm: mend that thing")
    later = {**theirs, "a.c": theirs["a.c"].replace("mine", "later")}
    upstream.commit(later, "more", "v2")
    verdict = judge(bench, upstream, mail("x86/mm: mend the thing", diff_text(OLD, mine)), later)
    assert verdict.status is Fate.DOUBTFUL
    assert "nearly its subject (x86/mm: mend that thing)" in verdict.why
    unlike = mail("x86/mm: mend the thing", diff_text(OLD, replace_line(OLD, "a.c", "line 10", "own")))
    assert judge(bench, upstream, unlike, later).status is Fate.CLEAN


def test_an_origin_that_upstream_reverted_proves_nothing(bench: Bench, upstream: Upstream) -> None:
    origin = upstream.commit(PATCHED, "the fix")
    upstream.commit(OLD, f'Revert "the fix"\n\nThis reverts commit {origin}.', "v2")
    patch = mail("the fix", diff_text(OLD, PATCHED), body=f"(cherry picked from commit {origin})")
    assert judge(bench, upstream, patch, OLD).status is Fate.CLEAN


def test_an_origin_before_the_old_version_proves_nothing(bench: Bench, upstream: Upstream) -> None:
    before = upstream.commit(OLD, "tagged already")
    upstream.tag("v1", before)
    upstream.commit(replace_line(OLD, "b.c", "row 2", "x"), "x", "v2")
    patch = mail("again", diff_text(OLD, PATCHED), body=f"(cherry picked from commit {before})")
    assert judge(bench, upstream, patch, OLD).status is Fate.CLEAN


def test_the_same_diff(bench: Bench, upstream: Upstream) -> None:
    moved = {**OLD, "a.c": "new first line\n" + OLD["a.c"]}
    upstream.commit(moved, "move")
    same = upstream.commit({**PATCHED, "a.c": "new first line\n" + PATCHED["a.c"]}, "another subject")
    upstream.commit(LATER, "more", "v2")
    verdict = judge(bench, upstream, mail("the fix", diff_text(OLD, PATCHED)), LATER)
    assert verdict.proof is not None
    assert (verdict.proof.strength, verdict.proof.commit) == (Strength.PATCH_ID, same)


def test_the_same_subject_and_date_and_nearly_the_same_diff(bench: Bench, upstream: Upstream) -> None:
    lines = {f"line {n}": f"changed {n}" for n in range(10, 20)}
    mine, theirs = dict(OLD), dict(OLD)
    for old, new in lines.items():
        mine = replace_line(mine, "a.c", old, new)
        theirs = replace_line(theirs, "a.c", old, new)
    theirs = replace_line(theirs, "a.c", "changed 15", "changed fifteen")
    taken = upstream.commit(theirs, "the fix")
    later = {**theirs, "a.c": theirs["a.c"].replace("changed", "renamed")}
    upstream.commit(later, "more", "v2")
    patch = mail("the fix", diff_text(OLD, mine))
    verdict = judge(bench, upstream, patch, later)
    assert verdict.proof is not None
    assert (verdict.proof.strength, verdict.proof.commit) == (Strength.SUBJECT, taken)
    other_date = patch.replace("10:00:00", "11:00:00")
    assert judge(bench, upstream, other_date, later).status is Fate.UPSTREAMED


def test_the_same_subject_and_date_with_another_diff_are_asked_about(bench: Bench, upstream: Upstream) -> None:
    mine, theirs = dict(OLD), dict(OLD)
    for number in range(10, 20):
        mine = replace_line(mine, "a.c", f"line {number}", f"changed {number}")
        changed = f"changed {number}" if number < 17 else f"done otherwise {number}"
        theirs = replace_line(theirs, "a.c", f"line {number}", changed)
    upstream.commit(theirs, "the fix")
    later = {**theirs, "a.c": theirs["a.c"].replace("changed", "renamed")}
    upstream.commit(later, "more", "v2")
    verdict = judge(bench, upstream, mail("the fix", diff_text(OLD, mine)), later)
    assert (verdict.status, verdict.files) == (Fate.DOUBTFUL, ("a.c",))
    assert "it would lose '+changed 17', '+changed 18', '+changed 19'" in verdict.why


def test_the_commit_that_breaks_a_patch(bench: Bench, upstream: Upstream) -> None:
    tree: Tree = OLD
    for number in range(1, 5):
        tree = replace_line(tree, "a.c", f"line {number}", f"harmless {number}")
        upstream.commit(tree, f"harmless {number}")
    tree = replace_line(tree, "a.c", "line 30", "broken")
    guilty = upstream.commit(tree, "rework line 30")
    for number in range(5, 8):
        tree = replace_line(tree, "a.c", f"line {number}", f"harmless {number}")
        upstream.commit(tree, f"harmless {number}", "v2" if number == 7 else None)
    forecaster = bench.forecaster(OLD, {"p.patch": mail("x", diff_text(OLD, PATCHED))})
    matrix = forecaster.matrix([bench.version("v2", tree)])
    tags = fetch_tags(bench.repository, str(upstream.folder), ["v1", "v2"])
    span = {"old": tags["v1"], "v2": tags["v2"]}
    assert find_breakers(forecaster, matrix, span, seconds=0) == ({}, 1), "no time to search"
    found, left = find_breakers(forecaster, matrix, span)
    assert left == 0
    assert find_breakers(forecaster, matrix, span, seconds=0) == (found, 0), "what was found is kept"
    assert found["p.patch"].commit == guilty
    assert found["p.patch"].text.endswith("U: rework line 30")
    assert find_breakers(forecaster, matrix, {"v2": tags["v2"]}) == ({}, 0)


@pytest.mark.parametrize("words", ["(cherry picked from commit {})", "master commit: {}", "commit {} upstream."])
def test_a_backport_in_the_range_proves_its_origin(bench: Bench, upstream: Upstream, words: str) -> None:
    """A stable branch holds what the patch was taken from under another id, and then changed it again."""
    origin = "0123456789abcdef0123456789abcdef01234567"
    backport = upstream.commit(PATCHED, f"the fix\n\n{words.format(origin)}")
    upstream.commit(LATER, "more", "v2")
    patch = mail("ours", diff_text(OLD, PATCHED), body=f"(cherry picked from commit {origin[:13]})")
    verdict = judge(bench, upstream, patch, LATER)
    assert verdict.proof is not None
    assert (verdict.proof.strength, verdict.proof.commit) == (Strength.ORIGIN, backport)
    other = mail("ours", diff_text(OLD, PATCHED), body=f"(cherry picked from commit {origin[:-1]}8)")
    assert judge(bench, upstream, other, LATER).proof != verdict.proof


def test_a_patch_taken_from_a_stable_branch_is_known_by_what_that_was_taken_from(
    bench: Bench, upstream: Upstream
) -> None:
    origin = upstream.commit(PATCHED, "the fix")
    upstream.commit(LATER, "more", "v2")
    upstream.branch("stable", "v1")
    stable = upstream.commit(PATCHED, f"x86: the fix, backported\n\nmaster commit: {origin}", "v1.1")
    fetch_tags(bench.repository, str(upstream.folder), ["v1.1"])
    patch = mail("ours", diff_text(OLD, PATCHED), body=f"(cherry picked from commit {stable})")
    verdict = judge(bench, upstream, patch, LATER)
    assert verdict.proof is not None
    assert verdict.proof.text == f"it is taken from a backport of upstream's {origin[:12]}, which is in"


def test_a_patch_that_upstream_split_or_squashed(bench: Bench, upstream: Upstream) -> None:
    """Its subject is nowhere; all its lines are in what one author did on one day."""
    half = lines_of(3, "call")
    first = upstream.commit(half, "one")
    second = upstream.commit(replace_line(lines_of(6, "call"), "b.c", "row 3", "x"), "two, with something else")
    whole = lines_of(6, "call")
    later = {**whole, "b.c": numbered(20, "row").replace("row 3\n", "x\n"), "a.c": whole["a.c"].replace("call", "cell")}
    upstream.commit(later, "more", "v2")
    verdict = judge(bench, upstream, mail("ours", diff_text(OLD, whole)), later)
    assert verdict.proof is not None
    assert verdict.proof.strength is Strength.LINES
    assert f"{first[:12]} (one), {second[:12]} (two, with something else) have all its lines" in verdict.proof.text
    more = replace_line(whole, "a.c", "line 40", "ours_alone();")
    assert judge(bench, upstream, mail("ours", diff_text(OLD, more)), later).status is Fate.CONFLICT
    few = lines_of(1, "call")
    assert judge(bench, upstream, mail("ours", diff_text(OLD, few)), later).status is Fate.CONFLICT


def test_a_commit_is_read_once(bench: Bench, upstream: Upstream, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another range reads what is new; a damaged file is made anew, and one that is locked for good is done without."""
    read: list[str] = []
    real = commitindex.read_facts

    def reading(repository: Repository, ids: Sequence[str]) -> Iterator[commitindex.Facts]:
        read.extend(ids)
        return real(repository, ids)

    monkeypatch.setattr(commitindex, "read_facts", reading)
    one = upstream.commit(PATCHED, "one", "v2")
    two = upstream.commit(LATER, "two", "v3")
    tags = fetch_tags(bench.repository, str(upstream.folder), ["v1", "v2", "v3"])
    path = bench.folder / "history.sqlite"

    def touching(new: str) -> list[str]:
        index = commitindex.CommitIndex(bench.repository, path, f"{tags['v1']}..{tags[new]}")
        return [commit.subject for commit in index.commits(index.touching(["a.c"]))]

    assert (touching("v2"), read) == (["one"], [one])
    assert (sorted(touching("v3")), read) == (["one", "two"], [one, two])
    assert (touching("v2"), len(read)) == (["one"], 2)
    for damage in (b"no data base", path.read_bytes()[:5000], path.read_bytes()[:3000].ljust(40_000, b"x")):
        path.write_bytes(damage)
        assert sorted(touching("v3")) == ["one", "two"]
        assert sorted(touching("v3")) == ["one", "two"]
    monkeypatch.setattr(commitindex, "_WAIT_SECONDS", 0.0)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        assert sorted(touching("v3")) == ["one", "two"]
        other.execute("ROLLBACK")
    count = len(read)
    assert (sorted(touching("v3")), len(read)) == (["one", "two"], count)


def test_two_processes_fill_one_index(bench: Bench, upstream: Upstream) -> None:
    for number in range(1, 9):
        upstream.commit(lines_of(number, "call"), f"step {number}", "v2" if number == 8 else None)
    tags = fetch_tags(bench.repository, str(upstream.folder), ["v1", "v2"])
    path = bench.folder / "history.sqlite"
    code = (
        "import sys; from pathlib import Path; from planex.git.repository import Repository\n"
        "from planex.patchqueue.carry import commitindex\n"
        "commitindex._AT_ONCE = 1\n"
        "index = commitindex.CommitIndex(Repository(Path(sys.argv[1])), Path(sys.argv[2]), sys.argv[3])\n"
        "print(len(index.commits(index.touching(['a.c']))))"
    )
    words = [sys.executable, "-c", code, str(bench.repository.path), str(path), f"{tags['v1']}..{tags['v2']}"]
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: run(words).stdout.strip(), range(4)))
    assert answers == ["8"] * 4


def test_a_repository_out_of_reach_gives_no_history(bench: Bench, tmp_path: Path) -> None:
    assert fetch_tags(bench.repository, str(tmp_path / "nowhere"), ["v1"]) == {}
    assert fetch_tags(bench.repository, "", ["v1"]) == {}


def test_commands_use_the_history(tmp_path: Path, upstream: Upstream) -> None:
    """Where package.yaml names the repository, forecasts name the guilty commit, and a rebase who touched the files."""
    taken = replace_line(OLD, "a.c", "line 5", "five")
    origin = upstream.commit(taken, "five")
    upstream.commit(replace_line(taken, "b.c", "row 1", "x"), "harmless")
    new = replace_line(replace_line(taken, "b.c", "row 1", "x"), "a.c", "line 30", "broken")
    guilty = upstream.commit({**new, "a.c": new["a.c"].replace("five", "fifth")}, "rework", "v2")
    patches = {
        "five.patch": mail("five", diff_text(OLD, taken), body=f"commit {origin} upstream."),
        "p.patch": mail("x", diff_text(taken, replace_line(taken, "a.c", "line 30", "patched"))),
    }
    workspace = PatchWorkspace.create(tmp_path / "w", OLD, patches)
    settings = workspace.recipe / "package.yaml"
    settings.write_text(f"{settings.read_text()}upstream: {{git: {upstream.folder}, tag: 'v{{version}}'}}\n")
    source = workspace.source("2", {**new, "a.c": new["a.c"].replace("five", "fifth")})
    plain = workspace.planex("pq", "forecast", "pkg", "--onto", source)
    assert "First upstream commit" not in plain.stdout, "a search takes time: only when asked"
    hurried = workspace.planex("pq", "forecast", "--blame", "pkg", "--onto", source, "--blame-seconds", "0")
    assert "no time to search for what breaks 1 patch: raise --blame-seconds, or run it again" in hurried.stderr
    foretold = workspace.planex("pq", "forecast", "--blame", "pkg", "--onto", source)
    assert f"it is taken from upstream's {origin[:12]}, which is in (proof: origin)" in foretold.stdout, foretold.stderr
    assert "First upstream commit that breaks a patch:" in foretold.stdout
    assert f"p.patch  {guilty[:12]}" in foretold.stdout
    stopped = workspace.planex("pq", "rebase", "pkg", source)
    assert f"upstream: {guilty[:12]} 2024-01-01 U: rework" in stopped.stderr
    assert workspace.planex("pq", "status", "pkg").stdout.count("upstreamed in 2") == 1


def test_without_stdbuf_each_merge_is_a_process(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("planex.git.pipes.find", lambda tool: None)
    new = replace_line(replace_line(OLD, "a.c", "line 32", "context"), "b.c", "row 3", "x")
    fates = bench.fates(OLD, {"p.patch": mail("x", diff_text(OLD, PATCHED))}, new)
    assert fates == [Fate.MERGED]
    assert bench.fates(OLD, {"p.patch": mail("x", diff_text(OLD, PATCHED))}, LATER) == [Fate.CONFLICT]


def test_a_review_shows_both_sides_and_whose_commit_it_was(upstream: Upstream, tmp_path: Path) -> None:
    other = replace_line(OLD, "a.c", "line 50", "elsewhere")
    upstream.commit(other, "another part of the file")
    clash = replace_line(other, "a.c", "line 30", "upstream's own")
    upstream.commit(clash, "the very lines", "v2")
    workspace = PatchWorkspace.create(tmp_path / "w", OLD, {"p.patch": mail("mine", diff_text(OLD, PATCHED))})
    settings = workspace.recipe / "package.yaml"
    settings.write_text(f'{settings.read_text()}upstream: {{git: "{upstream.folder}", tag: "v{{version}}"}}\n')
    done = workspace.planex("pq", "review", "pkg", "--onto", workspace.source("2", clash))
    assert done.returncode == 1, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == "1 of 1  conflict  p.patch"
    assert "a.c:30" in lines
    sides = ["  2 has", "    | upstream's own", "  1 had", "    | line 30", "  the patch has", "    | patched"]
    assert lines[lines.index("  2 has") :][:6] == sides
    assert next(line for line in lines if line.startswith("  upstream's ")).endswith(" U: the very lines")
    assert "another part" not in done.stdout
    nothing = workspace.planex("pq", "review", "pkg", "--onto", workspace.source("3", OLD))
    assert (nothing.returncode, nothing.stdout) == (0, "pkg needs nobody on 3\n")


def test_a_review_tells_that_a_file_is_gone(upstream: Upstream, tmp_path: Path) -> None:
    workspace = PatchWorkspace.create(tmp_path / "w", OLD, {"p.patch": mail("mine", diff_text(OLD, PATCHED))})
    done = workspace.planex("pq", "review", "pkg", "--plain", "--onto", workspace.source("2", {"b.c": OLD["b.c"]}))
    assert "a.c is not in 2: deleted, or moved" in done.stdout
    assert "+patched" in done.stdout
    assert "package.yaml names no upstream git" not in done.stdout


def test_what_git_did_not_say_to_the_end_is_not_kept(upstream: Upstream) -> None:
    repository = Repository(upstream.folder)
    there = repository.git("rev-parse", "HEAD")
    for read in (commitindex.read_facts, commitindex.read_diffs):
        with pytest.raises(PlanexError, match="git log ended with status"):
            list(read(repository, [there, "0" * 40]))


def test_a_date_that_no_clock_shows_is_taken_as_the_last() -> None:
    head = b"\1" + b"a" * 40 + b"\0me\0" + b"9" * 30 + b"\0a subject\n\0"
    ((row,), *_) = commitindex._facts(head, [])
    assert row[-1] == 2**40
