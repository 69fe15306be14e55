# SPDX-License-Identifier: LGPL-2.1-or-later
"""A patch that uses what only a patch brings that is out is blocked, however well it merges."""

from __future__ import annotations

from pathlib import Path

import pytest

from planex.patchqueue.carry.judge import Orders
from planex.patchqueue.carry.verdict import KEPT, Fate
from tests.integration.patch_factory import Bench, Tree, diff_text, mail, numbered, replace_line, steps

pytestmark = [pytest.mark.tools("git", "patch")]

OLD: Tree = {
    "a.c": numbered(9),
    "a.h": numbered(9, "h"),
    "b.c": numbered(9, "row"),
    "Makefile": numbered(9, "#"),
    "Kconfig": numbered(9, "# k"),
    "a.S": numbered(9, "# s"),
}

# What the first patch puts in the place of line 5 of a file, and what the second puts into another.
CASES = {
    "a function": ("a.c", "line 5", "void fresh(void)\n{\n}", "b.c", "row 5", "\tfresh();"),
    "a macro": ("a.h", "h 5", "#define FRESH(x) (x)", "b.c", "row 5", "\ty = FRESH(7);"),
    "a member": ("a.h", "h 5", "\tunsigned int fresh;", "b.c", "row 5", "\tx->fresh = 1;"),
    "an enumerator": ("a.h", "h 5", "\tFRESH_ONE,", "b.c", "row 5", "\tcase FRESH_ONE:"),
    "a type": ("a.h", "h 5", "struct fresh {\n\tint x;\n};", "b.c", "row 5", "\tstruct fresh f;"),
    "an option": ("Kconfig", "# k 5", 'config FRESH\n\tbool "x"', "b.c", "row 5", "#ifdef CONFIG_FRESH"),
    "a routine": ("a.S", "# s 5", "fresh_entry:\n\tret", "b.c", "row 5", "\tjump(fresh_entry);"),
}


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


@pytest.mark.parametrize("kind", CASES)
def test_a_name_that_only_a_conflicting_patch_brings(bench: Bench, kind: str) -> None:
    file, place, text, user, spot, use = CASES[kind]
    one = replace_line(OLD, file, place, text)
    two = replace_line(one, user, spot, use)
    queue = steps([OLD, one, two])
    conflict = replace_line(OLD, file, place, "upstream's own")
    first, second = bench.forecaster(OLD, queue).column(bench.version("new", conflict)).verdicts
    assert first.status is Fate.CONFLICT
    assert (second.status, second.blockers) == (Fate.BLOCKED, ("p1.patch",))
    assert "fresh" in second.reason.lower()
    kept = bench.forecaster(OLD, queue, orders=Orders(keep=frozenset({"p2.patch"})))
    assert kept.column(bench.version("new", conflict)).verdicts[1].status in KEPT
    elsewhere = {**conflict, "other.h": f"{text}\nCONFIG_FRESH\n"}
    assert bench.fates(OLD, queue, elsewhere)[1] in KEPT, "upstream brings the name itself"


def test_a_file_that_only_a_conflicting_patch_adds(bench: Bench) -> None:
    one = {**replace_line(OLD, "a.c", "line 5", "x"), "fresh.h": "int x;\n", "fresh.c": "int x;\n"}
    two = replace_line(one, "b.c", "row 5", '#include "fresh.h"')
    three = replace_line(two, "Makefile", "# 5", "obj-y += fresh.o")
    conflict = replace_line(OLD, "a.c", "line 5", "upstream's own")
    verdicts = bench.forecaster(OLD, steps([OLD, one, two, three])).column(bench.version("new", conflict)).verdicts
    assert [verdict.why for verdict in verdicts[1:]] == [
        "needs p1.patch; it uses fresh.h",
        "needs p1.patch; it uses fresh.o",
    ]


def test_a_chain_of_needs_and_names_that_another_patch_brings(bench: Bench) -> None:
    one = replace_line(OLD, "a.c", "line 5", "void fresh(void)\n{\n}")
    two = replace_line(one, "b.c", "row 5", "int second(int x)\n{\n\treturn fresh() + x;\n}")
    three = replace_line(two, "a.h", "h 5", "\tint z = second(1);")
    four = replace_line(three, "a.S", "# s 5", "# a remark on fresh\n\tcall other")
    conflict = replace_line(OLD, "a.c", "line 5", "upstream's own")
    fates = bench.fates(OLD, steps([OLD, one, two, three, four]), conflict)
    assert fates == [Fate.CONFLICT, Fate.BLOCKED, Fate.BLOCKED, Fate.CLEAN]
    again = replace_line(four, "Makefile", "# 5", "void fresh(void);")
    last = replace_line(again, "Kconfig", "# k 5", "fresh();")
    assert bench.fates(OLD, steps([OLD, one, again, last]), conflict)[2] in KEPT


def test_a_name_that_upstream_took_away_is_asked_about(bench: Bench) -> None:
    """The patch goes in without a conflict, and would not compile."""
    old: Tree = {"a.c": f"static int old_lock(int x)\n{{\n\treturn x;\n}}\n{numbered(30)}", "b.c": numbered(3)}
    mine = replace_line(old, "a.c", "line 20", "line 20\n\told_lock(bzero(1)); /* other_word */")
    new = {**old, "a.c": old["a.c"].replace("old_lock", "new_lock")}
    queue = {"p.patch": mail("x", diff_text(old, mine))}
    (verdict,) = bench.forecaster(old, queue).column(bench.version("new", new)).verdicts
    assert verdict.status is Fate.DOUBTFUL
    assert verdict.why == "it uses old_lock, which its files define in old and new has nowhere"
    elsewhere = {**new, "b.c": "int old_lock(int);\n"}
    assert bench.fates(old, queue, elsewhere) == [Fate.CLEAN]
    kept = bench.forecaster(old, queue, orders=Orders(keep=frozenset({"p.patch"})))
    assert kept.column(bench.version("new", new)).verdicts[0].status is Fate.CLEAN


def test_a_name_that_nothing_of_upstream_defines_is_not_missed(bench: Bench) -> None:
    """It is a library's: that upstream uses it no more says nothing."""
    old: Tree = {"a.c": f"\tbzero(x, 1);\n{numbered(30)}"}
    mine = replace_line(old, "a.c", "line 20", "line 20\n\tbzero(y, 2);")
    new = {"a.c": old["a.c"].replace("bzero(x, 1)", "memset(x, 0, 1)")}
    assert bench.fates(old, {"p.patch": mail("x", diff_text(old, mine))}, new) == [Fate.CLEAN]
