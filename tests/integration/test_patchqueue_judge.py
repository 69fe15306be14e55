# SPDX-License-Identifier: LGPL-2.1-or-later
"""The fate of patches on another version: each status, each proof, each attempt."""

from __future__ import annotations

from pathlib import Path

import pytest

from planex.git import rerere
from planex.git.repository import NOBODY
from planex.patchqueue.apply.check import Fit, check_queue
from planex.patchqueue.carry.judge import Orders
from planex.patchqueue.carry.verdict import Fate, Strength, Verdict
from planex.rebase.conflict import ConflictTree
from tests.integration.patch_factory import Bench, Tree, diff_text, mail, numbered, replace_line, steps, write_queue

pytestmark = [pytest.mark.tools("git", "patch")]

OLD: Tree = {"a.c": numbered(40), "b.c": numbered(40, "row")}


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def judge(
    bench: Bench, patches: dict[str, str], new: Tree, *, old: Tree = OLD, orders: Orders | None = None
) -> list[Verdict]:
    column = bench.forecaster(old, patches, orders=orders).column(bench.version("new", new))
    return list(column.verdicts)


def changed(name: str, old: str, new: str, tree: Tree = OLD) -> dict[str, str]:
    return replace_line(tree, name, old, new)


PATCH = steps([OLD, changed("a.c", "line 20", "patched")])


def test_clean(bench: Bench) -> None:
    (verdict,) = judge(bench, PATCH, changed("b.c", "row 3", "other"))
    assert verdict.status is Fate.CLEAN


def test_offset(bench: Bench) -> None:
    (verdict,) = judge(bench, PATCH, {**OLD, "a.c": "new\n" + OLD["a.c"]})
    assert verdict.status is Fate.OFFSET


def test_merged_where_patch_would_fail(bench: Bench) -> None:
    (verdict,) = judge(bench, PATCH, changed("a.c", "line 22", "context changed"))
    assert (verdict.status, verdict.how) == (Fate.MERGED, "")


@pytest.mark.parametrize(
    "new",
    [
        replace_line(changed("a.c", "line 19", "one"), "a.c", "line 21", "two"),
        changed("a.c", "line 21", "one\ntwo\nthree"),
        {**OLD, "a.c": OLD["a.c"].replace("line 19\n", "")},
        {**OLD, "a.c": OLD["a.c"].replace("line 21\n", "new\n")},
    ],
)
def test_merged_where_only_the_lines_around_changed(bench: Bench, new: Tree) -> None:
    """git takes that for a conflict."""
    (verdict,) = judge(bench, PATCH, new)
    assert (verdict.status, verdict.how) == (Fate.MERGED, "line by line, as only its surroundings changed")
    merged = bench.repository.git("show", f"{verdict.tree}:a.c")
    assert merged.splitlines() == new["a.c"].replace("line 20\n", "patched\n").splitlines()


def test_additions_at_the_same_place_are_a_conflict(bench: Bench) -> None:
    queue = steps([OLD, changed("a.c", "line 20", "line 20\nours")])
    (verdict,) = judge(bench, queue, changed("a.c", "line 20", "line 20\nupstream's"))
    assert verdict.status is Fate.CONFLICT


def test_lines_that_are_everywhere_have_no_place_of_their_own(bench: Bench) -> None:
    """All around the brace that the patch takes out is new."""
    body = "".join(f"\tcall_{n}();\n" for n in range(8))
    old = {"a.c": f"{body}}}\n\n}}\n{body.replace('call', 'other')}"}
    queue = steps([old, {"a.c": old["a.c"].replace("}\n\n}\n", "}\n\n")}])
    new = {"a.c": "\tfresh();\n}\n\n}\n\tnew();\n"}
    (verdict,) = judge(bench, queue, new, old=old)
    assert verdict.status is Fate.CONFLICT


def test_merged_into_a_renamed_file(bench: Bench) -> None:
    (verdict,) = judge(bench, PATCH, {"moved.c": OLD["a.c"], "b.c": OLD["b.c"]})
    assert verdict.status is Fate.MERGED


def test_merge_overrules_a_patch_that_would_land_elsewhere(bench: Bench) -> None:
    """Upstream put a twin of the code where the old code was: patch would change the twin, the merge the original."""
    before, after = numbered(10, "before"), numbered(10, "after")
    old = {"a.c": f"{before}x\nfoo();\ny\n{after}"}
    queue = steps([old, replace_line(old, "a.c", "foo();", "bar();")], context=1)
    twin = numbered(10, "other") + "x\nfoo();\ny\n"
    (verdict,) = judge(bench, queue, {"a.c": twin + numbered(5, "between") + old["a.c"]}, old=old)
    assert verdict.status is Fate.MERGED
    merged = bench.repository.git("show", f"{verdict.tree}:a.c")
    assert merged == (twin + numbered(5, "between") + old["a.c"].replace("foo", "bar")).rstrip("\n")


def test_conflict_names_the_file(bench: Bench) -> None:
    (verdict,) = judge(bench, PATCH, changed("a.c", "line 20", "upstream's own"))
    assert (verdict.status, verdict.files) == (Fate.CONFLICT, ("a.c",))


def test_conflict_with_a_deleted_file(bench: Bench) -> None:
    (verdict,) = judge(bench, PATCH, {"b.c": OLD["b.c"]})
    assert (verdict.status, verdict.files) == (Fate.CONFLICT, ("a.c",))


def test_every_conflict_is_listed_and_the_rest_goes_on(bench: Bench) -> None:
    first = changed("a.c", "line 5", "one")
    second = replace_line(first, "a.c", "line 20", "two")
    third = replace_line(second, "a.c", "line 35", "three")
    new = replace_line(changed("a.c", "line 5", "x"), "a.c", "line 35", "y")
    assert [v.status for v in judge(bench, steps([OLD, first, second, third]), new)] == [
        Fate.CONFLICT,
        Fate.CLEAN,
        Fate.CONFLICT,
    ]


def test_upstreamed_as_the_merge_changes_nothing(bench: Bench) -> None:
    new = replace_line(changed("a.c", "line 20", "patched"), "a.c", "line 2", "and more, squashed")
    (verdict,) = judge(bench, PATCH, new)
    assert verdict.status is Fate.UPSTREAMED
    assert verdict.proof is not None
    assert verdict.proof.strength is Strength.NO_CHANGE


def test_upstreamed_as_the_reverse_applies(bench: Bench) -> None:
    """Upstream took the patch and moved the code elsewhere in the file, so the merge conflicts."""
    lines = changed("a.c", "line 20", "patched")["a.c"].splitlines(keepends=True)
    moved = "".join([*lines[:15], *lines[26:], "separator\n" * 3, *lines[15:26]])
    (verdict,) = judge(bench, PATCH, {**OLD, "a.c": moved})
    assert verdict.status is Fate.UPSTREAMED
    assert verdict.proof is not None
    assert verdict.proof.strength is Strength.REVERSE


def test_a_person_overrules_proofs(bench: Bench) -> None:
    new = changed("a.c", "line 20", "patched")
    (verdict,) = judge(bench, PATCH, new, orders=Orders(keep=frozenset({"p1.patch"})))
    assert verdict.status is Fate.CONFLICT
    assert "nothing is left" in verdict.reason
    (verdict,) = judge(bench, PATCH, OLD, orders=Orders(drop={"p1.patch": "not wanted"}))
    assert (verdict.status, verdict.reason) == (Fate.DROPPED, "not wanted")
    (verdict,) = judge(bench, PATCH, OLD, orders=Orders(skip=frozenset({"p1.patch"})))
    assert verdict.status is Fate.SKIPPED


def test_empty_and_failed(bench: Bench) -> None:
    patches = {
        "empty.patch": "",
        "comment.patch": "# nothing to do\n",
        "bad.patch": mail("x", diff_text({"a.c": "no\nsuch\nlines\n"}, {"a.c": "no\nSUCH\nlines\n"})),
        "damaged.patch": "--- a/a.c\n+++ b/a.c\n@@ -1,3 +1,3 @@\n line 1\n?\n",
        **PATCH,
    }
    verdicts = judge(bench, patches, OLD)
    assert [verdict.status for verdict in verdicts] == [
        Fate.EMPTY,
        Fate.EMPTY,
        Fate.FAILED,
        Fate.FAILED,
        Fate.CLEAN,
    ]
    assert "a.c: hunk 1" in verdicts[2].reason


LOPSIDED = "--- a/a.c\n+++ b/a.c\n@@ -17,5 +17,5 @@\n line 17\n line 18\n line 19\n-line 20\n+patched\n line 21\n"
"""With less context below than above GNU patch takes it for the end of the file."""


def test_what_only_git_takes_is_carried_where_it_has_one_place(bench: Bench) -> None:
    queue = {"p.patch": mail("x", LOPSIDED)}
    (verdict,) = judge(bench, queue, changed("b.c", "row 3", "other"))
    assert (verdict.status, verdict.why) == (Fate.MERGED, "git apply takes it, GNU patch does not")
    assert "patched" in bench.repository.git("show", f"{verdict.tree}:a.c")
    twice = {**OLD, "a.c": OLD["a.c"] + OLD["a.c"]}
    (verdict,) = judge(bench, queue, twice, old=twice)
    assert verdict.status is Fate.FAILED


def test_what_only_git_takes_fails_the_build_and_both_tools_are_named(bench: Bench) -> None:
    queue = write_queue(bench.folder / "queue", {"p.patch": mail("x", LOPSIDED)})
    (outcome,) = check_queue(queue, bench.version("old", OLD).source, bench.folder / "cache")
    assert (outcome.state, outcome.bad) == (Fit.GIT, True)
    assert "says GNU patch, though git apply takes it" in outcome.remarks


def test_blocked_by_the_patch_it_needs(bench: Bench) -> None:
    first = changed("a.c", "line 20", "one\ntwo\nthree")
    second = replace_line(first, "a.c", "two", "TWO")
    new = changed("a.c", "line 20", "upstream's own")
    conflict, blocked = judge(bench, steps([OLD, first, second]), new)
    assert conflict.status is Fate.CONFLICT
    assert (blocked.status, blocked.blockers) == (Fate.BLOCKED, ("p1.patch",))


def test_a_patch_that_undoes_one_that_is_out_is_not_upstream(bench: Bench) -> None:
    first = changed("a.c", "line 20", "one\ntwo\nthree")
    second = replace_line(first, "a.c", "two", "TWO")
    third = replace_line(second, "a.c", "TWO", "two")
    orders = Orders(drop={"p2.patch": "why"})
    verdicts = judge(bench, steps([OLD, first, second, third]), OLD, orders=orders)
    assert [verdict.status for verdict in verdicts] == [Fate.CLEAN, Fate.DROPPED, Fate.BLOCKED]
    assert verdicts[2].blockers == ("p2.patch",)


def test_its_own_conflict_is_not_blamed_on_others(bench: Bench) -> None:
    first = changed("a.c", "line 5", "one")
    second = replace_line(first, "a.c", "line 30", "two")
    new = replace_line(changed("a.c", "line 5", "x"), "a.c", "line 30", "y")
    verdicts = judge(bench, steps([OLD, first, second]), new)
    assert [verdict.status for verdict in verdicts] == [Fate.CONFLICT, Fate.CONFLICT]


def test_merged_without_the_neighbour_that_is_out(bench: Bench) -> None:
    """The first patch renames a file and is out; upstream changed the file too much to find it by the new name."""
    renamed = {"b.c": OLD["b.c"], "z.c": OLD["a.c"]}
    queue = steps([OLD, renamed, replace_line(renamed, "z.c", "line 20", "patched")])
    far = [
        line if 15 <= n <= 25 else f"rewritten {n}\n" for n, line in enumerate(OLD["a.c"].splitlines(keepends=True), 1)
    ]
    orders = Orders(drop={"p1.patch": "why"})
    _, verdict = judge(bench, queue, {**OLD, "a.c": "".join(far) + numbered(60, "added")}, orders=orders)
    assert (verdict.status, verdict.how) == (Fate.MERGED, "without the earlier patches that are out")


def test_merged_by_way_of_a_version_between(bench: Bench) -> None:
    """The file moves, then changes beyond recognition: each step can be followed, the leap cannot."""
    middle = {"b.c": OLD["b.c"], "moved.c": OLD["a.c"]}
    lines = middle["moved.c"].splitlines(keepends=True)
    far = [line if 14 <= n <= 26 else f"rewritten {n}\n" for n, line in enumerate(lines, 1)]
    new = {"b.c": OLD["b.c"], "moved.c": "".join(far) + numbered(60, "added")}
    forecaster = bench.forecaster(OLD, PATCH)
    alone = forecaster.column(bench.version("new", new))
    assert alone.verdicts[0].status is Fate.CONFLICT
    both = forecaster.matrix([bench.version("middle", middle), bench.version("new", new)])
    assert both.columns[1].verdicts[0].status is Fate.MERGED
    assert both.columns[1].verdicts[0].how == "by way of middle"


def test_merged_with_renames_less_alike(bench: Bench) -> None:
    lines = OLD["a.c"].splitlines(keepends=True)
    far = [line if 8 <= n <= 27 else f"rewritten {n}\n" for n, line in enumerate(lines, 1)]
    (verdict,) = judge(bench, PATCH, {"b.c": OLD["b.c"], "moved.c": "".join(far)})
    assert verdict.status is Fate.MERGED
    assert "30 %" in verdict.how


def test_a_file_for_a_folder_that_moved(bench: Bench) -> None:
    old = {f"dir/f{n}.c": numbered(10, f"f{n}") for n in range(4)}
    queue = steps([old, {**old, "dir/new.c": "new\n"}])
    new = {f"there/f{n}.c": numbered(10, f"f{n}") for n in range(4)}
    (verdict,) = judge(bench, queue, new, old=old)
    assert (verdict.status, verdict.how) == (Fate.MERGED, "by whole folders that moved")


def test_a_recorded_solution_is_used(bench: Bench, tmp_path: Path) -> None:
    new = changed("a.c", "line 20", "upstream's own")
    shared = tmp_path / "shared"
    forecaster = bench.forecaster(OLD, PATCH, rerere=shared)
    version = bench.version("new", new)
    column = forecaster.column(version)
    assert column.verdicts[0].status is Fate.CONFLICT
    chain = forecaster.chain()
    tree = ConflictTree(tmp_path / "tree", bench.repository, shared)
    tree.show(chain, chain.links[0], column.commit, column.commit, column.verdicts[0])
    (tmp_path / "tree" / "a.c").write_text(OLD["a.c"].replace("line 20\n", "both\n"))
    solution = tree.solution(column.commit)
    tree.give_objects()
    commit = bench.repository.write_commit(solution.tree, [column.commit], NOBODY, "x\n")
    tree.take_over(commit)
    assert rerere.bring(shared, bench.repository) == 1
    again = forecaster.column(version).verdicts[0]
    assert (again.status, again.tree) == (Fate.RERERE, solution.tree)


def test_a_forecast_never_learns_a_solution_by_itself(bench: Bench, tmp_path: Path) -> None:
    """git takes a file that lost its markers for solved; the scratch tree is cleared between merges."""
    first = changed("a.c", "line 5", "one")
    second = replace_line(first, "a.c", "line 30", "two")
    new = replace_line(changed("a.c", "line 5", "x"), "a.c", "line 30", "y")
    forecaster = bench.forecaster(OLD, steps([OLD, first, second]), rerere=tmp_path / "shared")
    forecaster.column(bench.version("new", new))
    assert not list((bench.repository.git_dir / "rr-cache").glob("*/postimage*"))


def test_forecasts_are_kept_and_grow(bench: Bench) -> None:
    first = changed("a.c", "line 5", "one")
    second = replace_line(first, "b.c", "row 30", "two")
    versions = [bench.version("v2", changed("b.c", "row 2", "x")), bench.version("v3", changed("b.c", "row 3", "y"))]
    patches = steps([OLD, first, second])
    assert bench.forecaster(OLD, patches).column(versions[0]).judged == 2
    assert bench.forecaster(OLD, patches).column(versions[0]).judged == 0
    assert [c.judged for c in bench.forecaster(OLD, patches).matrix(versions).columns] == [0, 2]
    third = replace_line(second, "b.c", "row 20", "three")
    assert bench.forecaster(OLD, steps([OLD, first, second, third])).column(versions[0]).judged == 1
    other = steps([OLD, first, replace_line(first, "b.c", "row 30", "2")])
    assert bench.forecaster(OLD, other).column(versions[0]).judged == 1


def test_a_version_between_does_not_touch_columns_without_conflicts(bench: Bench) -> None:
    forecaster = bench.forecaster(OLD, PATCH)
    late = bench.version("late", changed("b.c", "row 3", "y"))
    forecaster.column(late)
    between = bench.version("between", changed("b.c", "row 2", "x"))
    assert [column.judged for column in forecaster.matrix([between, late]).columns] == [1, 0]


def test_first_bad_version(bench: Bench) -> None:
    good, bad = changed("b.c", "row 2", "x"), changed("a.c", "line 20", "z")
    matrix = bench.forecaster(OLD, PATCH).matrix(
        [bench.version("v2", good), bench.version("v3", bad), bench.version("v4", bad | {"c": "c\n"})]
    )
    assert matrix.first_bad == {"p1.patch": "v3"}
