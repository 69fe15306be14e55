# SPDX-License-Identifier: LGPL-2.1-or-later
"""Solutions that planex shows and does not take by itself: what each rule finds, and what a rebase makes of them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from planex.patchqueue.carry.judge import Orders
from planex.patchqueue.carry.verdict import Fate, Verdict
from planex.patchqueue.commits.sourcecommit import import_source
from tests.integration.patch_factory import Bench, Tree, diff_text, mail, numbered, replace_line
from tests.integration.patch_workspace import PatchWorkspace

pytestmark = [pytest.mark.tools("git", "patch")]

LINES = numbered(20)
CALLS = "one_call(1);\ntwo_calls(2);\nthree_calls({});\nfour_calls(4);\nfive_calls(5);\nsix_calls(6);\n"
CASES = {
    "words": (
        f"{LINES}int f(struct a *x, int count)\n{LINES}",
        f"{LINES}int f(const struct a *x, int count)\n{LINES}",
        f"{LINES}int f(struct a *x, long count)\n{LINES}",
        f"{LINES}int f(const struct a *x, long count)\n{LINES}",
    ),
    "spaces": (
        f"{LINES}if (x)\n    do_that(x);\n    done(x);\n{LINES}",
        f"{LINES}if (x)\n    do_that(x);\n    count(x);\n    done(x, y);\n{LINES}",
        f"{LINES}if (x)\n\tdo_that(x);\n\tdone(x);\n{LINES}",
        f"{LINES}if (x)\n\tdo_that(x);\n\tcount(x);\n\tdone(x, y);\n{LINES}",
    ),
    "moved": (
        f"{CALLS.format(3)}{LINES}",
        f"{CALLS.format(33)}{LINES}",
        f"{LINES}{CALLS.format(3)}last\n",
        f"{LINES}{CALLS.format(33)}last\n",
    ),
    "neighbours": (
        f"#include <a.h>\n#include <b.h>\n#include <z.h>\n\n{LINES}",
        f"#include <a.h>\n#include <b.h>\n#include <p.h>\n#include <z.h>\n\n{LINES}",
        f"#include <a.h>\n#include <b.h>\n#include <q.h>\n#include <z.h>\n\n{LINES}",
        f"#include <a.h>\n#include <b.h>\n#include <p.h>\n#include <q.h>\n#include <z.h>\n\n{LINES}",
    ),
}
"""Rule to a file of the old version, patched, of the new version, and as a person would carry the patch there."""


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def verdicts(bench: Bench, trees: tuple[Tree, Tree, Tree], orders: Orders | None = None) -> list[Verdict]:
    """Of a patch from the first tree to the second, on the third; and of another patch behind it."""
    more = {**trees[1], "b.c": "changed\n"}
    queue = {"p.patch": mail("x", diff_text(*trees[:2])), "later.patch": mail("y", diff_text(trees[1], more))}
    column = bench.forecaster(trees[0], queue, orders=orders).column(bench.version("new", trees[2]))
    return list(column.verdicts)


def trees_of(rule: str) -> tuple[Tree, Tree, Tree]:
    old, mine, new, _ = ({"a.c": text, "b.c": numbered(5)} for text in CASES[rule])
    return old, mine, new


@pytest.mark.parametrize("rule", CASES)
def test_a_proposal_is_shown_and_not_taken(bench: Bench, rule: str) -> None:
    verdict, later = verdicts(bench, trees_of(rule))
    assert (verdict.status, verdict.rules, verdict.files) == (Fate.PROPOSAL, (rule,), ("a.c",))
    assert verdict.why.startswith(f"by {rule}: ")
    assert bench.repository.git("show", f"{verdict.tree}:a.c") + "\n" == CASES[rule][3]
    assert later.status is Fate.CLEAN, "what follows is judged as if it were in"


@pytest.mark.parametrize("rule", CASES)
def test_a_rule_can_be_accepted_beforehand(bench: Bench, rule: str) -> None:
    verdict, _ = verdicts(bench, trees_of(rule), Orders(accept=frozenset({rule})))
    assert verdict.status is Fate.RESOLVED
    message = bench.repository.git("log", "-1", "--format=%B", verdict.commit)
    assert f"Resolved-by: planex ({rule})" in message.splitlines()
    other, _ = verdicts(bench, trees_of(rule), Orders(accept=frozenset({"origin-pick"})))
    assert other.status is Fate.PROPOSAL


@pytest.mark.parametrize(
    ("mine", "new"),
    [
        ("int f(struct b *x)", "int f(struct c *x)"),
        ("int f(struct a *x, int y)", "int f(struct a *x, int z)"),
        ("something else altogether;", "int f(struct a *y)"),
    ],
)
def test_the_same_words_and_unlike_lines_stay_conflicts(bench: Bench, mine: str, new: str) -> None:
    old = "int f(struct a *x)"
    trees = tuple({"a.c": f"{LINES}{text}\n{LINES}", "b.c": numbered(5)} for text in (old, mine, new))
    assert verdicts(bench, (trees[0], trees[1], trees[2]))[0].status is Fate.CONFLICT


def test_a_proposal_that_would_put_something_in_twice_is_none(bench: Bench) -> None:
    old = f"#include <a.h>\n#include <z.h>\n\n{LINES}"
    mine = old.replace("<a.h>\n", "<a.h>\n#include <p.h>\n")
    new = old.replace("<a.h>\n", "<a.h>\n#include <q.h>\n").replace("<z.h>\n", "<z.h>\n#include <p.h>\n")
    trees = tuple({"a.c": text, "b.c": numbered(5)} for text in (old, mine, new))
    assert verdicts(bench, (trees[0], trees[1], trees[2]))[0].status is Fate.CONFLICT


def test_the_origin_is_picked_onto_the_new_version(bench: Bench) -> None:
    """Upstream made the change where the line had changed already; the patch is a backport to the old line."""
    old: Tree = {"a.c": f"{LINES}call(one, two);\n{LINES}", "b.c": numbered(5)}
    new = {**old, "a.c": f"{LINES}other_call(three);\n{LINES}"}
    fixed = {**new, "a.c": f"{LINES}other_call(three);\nguard(one);\ncheck(two);\nlog(all);\n{LINES}"}
    mine = {**old, "a.c": f"{LINES}call(one, 2);\nguard(one);\ncheck(two);\nlog(all);\n{LINES}"}
    bench.forecaster(old, {})
    sources = [
        import_source(bench.repository, v.source, v.label, v.checksum)
        for v in (bench.version("new", new), bench.version("fixed", fixed))
    ]
    tree = bench.repository.git("rev-parse", f"{sources[1].commit}^{{tree}}")
    origin = bench.repository.git(
        "-c", "user.name=u", "-c", "user.email=u@p", "commit-tree", "-p", sources[0].commit, "-m", "the fix", tree
    )
    patch = mail("x", diff_text(old, mine), body=f"(backported from commit {origin})")
    (verdict,) = bench.forecaster(old, {"p.patch": patch}).column(bench.version("new", new)).verdicts
    assert (verdict.status, verdict.rules) == (Fate.PROPOSAL, ("origin-pick",))
    assert f"upstream's {origin[:12]}, picked onto the new version" in verdict.why
    assert verdict.tree == tree
    other = mail("x", diff_text(old, replace_line(old, "a.c", "call(one, two);", "ours()")), body=patch.split("---")[0])
    (verdict,) = bench.forecaster(old, {"p.patch": other}).column(bench.version("new", new)).verdicts
    assert verdict.status is Fate.CONFLICT, "a commit that is nothing like the patch does not stand for it"


def test_a_rebase_shows_a_proposal_and_takes_it_as_it_is_left(tmp_path: Path) -> None:
    old, mine, new = trees_of("words")
    workspace = PatchWorkspace.create(tmp_path / "w", old, {"p.patch": mail("x", diff_text(old, mine))})
    source = workspace.source("2", new)
    foretold = workspace.planex("pq", "forecast", "pkg", "--onto", source)
    assert "2:  1 proposal to look at" in foretold.stdout
    assert foretold.returncode == 0
    stopped = workspace.planex("pq", "rebase", "pkg", source)
    assert stopped.returncode == 1
    assert "patch 1 of 1, p.patch: proposal" in stopped.stderr
    assert "by words: both sides changed the same lines, in different words, in a.c" in stopped.stderr
    assert "+int f(const struct a *x, long count)" in stopped.stderr
    done = workspace.planex("pq", "rebase", "pkg", "--continue")
    assert done.returncode == 0, done.stderr
    patch = (workspace.queue / "p.patch").read_text()
    assert "Resolved-by: planex (words)" in patch.splitlines()
    assert "+int f(const struct a *x, long count)" in patch.splitlines()


def test_a_review_shows_proposals_and_a_forecast_has_their_diffs(tmp_path: Path) -> None:
    old, mine, new = trees_of("words")
    workspace = PatchWorkspace.create(tmp_path / "w", old, {"p.patch": mail("x", diff_text(old, mine))})
    source = workspace.source("2", new)
    review = workspace.planex("pq", "review", "pkg", "--onto", source)
    assert review.returncode == 1
    told = ["1 of 1  proposal  p.patch", "by words: ", "    | int f(struct a *x, long count)", "proposed for 2"]
    told += [
        "    +int f(const struct a *x, long count)",
        "beside the patch as it is",
        "++int f(const struct a *x, long",
    ]
    assert sorted(told, key=review.stdout.index) == told
    page = tmp_path / "page.html"
    foretold = workspace.planex("pq", "forecast", "pkg", "--onto", source, "--json", "--html", page)
    row = json.loads(foretold.stdout)["versions"]["2"]["p.patch"]
    assert row["built"] == "not built"
    assert "+int f(const struct a *x, long count)" in row["change"].splitlines()
    assert "<ins>+int f(const struct a *x, long count)</ins>" in page.read_text()


def test_a_proposal_that_was_changed_is_a_persons_solution(tmp_path: Path) -> None:
    old, mine, new = trees_of("words")
    workspace = PatchWorkspace.create(tmp_path / "w", old, {"p.patch": mail("x", diff_text(old, mine))})
    before = {path: path.read_bytes() for path in (workspace.queue / "p.patch", workspace.recipe / "package.yaml")}
    workspace.planex("pq", "rebase", "pkg", workspace.source("2", new))
    path = workspace.folder / "trees" / "pkg-rebase" / "a.c"
    path.write_text(path.read_text().replace("long count", "unsigned long count"))
    assert workspace.planex("pq", "rebase", "pkg", "--continue").returncode == 0
    patch = (workspace.queue / "p.patch").read_text()
    assert "Resolved-by" not in patch
    assert "+int f(const struct a *x, unsigned long count)" in patch.splitlines()
    for file, data in before.items():
        file.write_bytes(data)
    again = workspace.planex("pq", "rebase", "pkg", workspace.source("2", new))
    assert "1 -> 2: 1 rerere" in again.stdout, "solved once, it is never proposed again"
    assert (workspace.queue / "p.patch").read_text() == patch


def test_accepted_rules_need_no_stop(tmp_path: Path) -> None:
    old, mine, new = trees_of("spaces")
    workspace = PatchWorkspace.create(tmp_path / "w", old, {"p.patch": mail("x", diff_text(old, mine))})
    done = workspace.planex("pq", "rebase", "pkg", workspace.source("2", new), "--accept", "spaces")
    assert done.returncode == 0, done.stderr
    assert "by spaces: upstream changed only white space there" in done.stdout
    assert workspace.planex("pq", "rebase", "pkg", "3", "--accept", "anything").returncode == 2
