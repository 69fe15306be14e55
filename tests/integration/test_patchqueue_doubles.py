# SPDX-License-Identifier: LGPL-2.1-or-later
"""A change that the new version has already is never merged a second time."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from planex.patchqueue.carry.judge import Orders
from planex.patchqueue.carry.verdict import KEPT, Fate, Verdict
from tests.integration.patch_factory import Bench, Tree, numbered, steps
from tests.integration.patch_workspace import PatchWorkspace
from tests.integration.test_patchqueue_property import SLOW

pytestmark = [pytest.mark.tools("git", "patch")]

BODY = "".join(f"\tcall_{name}();\n" for name in "abcdefghijklmnopqrst")
C = f"#include <stdio.h>\n\nint main(void)\n{{\n{BODY}\treturn 0;\n}}\n"


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def judge(bench: Bench, name: str, texts: tuple[str, str, str], orders: Orders | None = None) -> Verdict:
    """The verdict on the patch from the first text to the second where upstream has the third."""
    old, patched, new = ({name: text} for text in texts)
    column = bench.forecaster(old, steps([old, patched]), orders=orders).column(bench.version("new", new))
    return column.verdicts[0]


def after(text: str, line: str, added: str) -> str:
    assert text.count(f"{line}\n") == 1
    return text.replace(f"{line}\n", f"{line}\n{added}\n")


def test_the_same_call_some_lines_below(bench: Bench) -> None:
    texts = C, after(C, "\tcall_b();", "\tinit_x();"), after(C, "\tcall_e();", "\tinit_x();")
    verdict = judge(bench, "a.c", texts)
    assert verdict.status is Fate.DOUBTFUL
    assert verdict.why == "'init_x();' would be twice in a.c, at lines 7 and 11"
    assert judge(bench, "a.c", texts, Orders(keep=frozenset({"p1.patch"}))).status in KEPT


def test_the_same_call_far_away_where_patch_would_put_it_in(bench: Bench) -> None:
    texts = C, after(C, "\tcall_b();", "\tinit_x();"), after(C, "\tcall_s();", "\t  init_x( );")
    assert judge(bench, "a.c", texts).status is Fate.DOUBTFUL


def test_a_call_that_the_file_had_before_counts_only_nearby(bench: Bench) -> None:
    old = after(C, "\tcall_t();", "\tunlock(x);")
    far = judge(
        bench, "a.c", (old, after(old, "\tcall_b();", "\tunlock(x);"), after(old, "\tcall_q();", "\tunlock(x);"))
    )
    assert far.status in KEPT
    near = judge(
        bench, "a.c", (old, after(old, "\tcall_b();", "\tunlock(x);"), after(old, "\tcall_e();", "\tunlock(x);"))
    )
    assert near.status is Fate.DOUBTFUL


def test_what_every_file_has_is_no_reason_to_ask(bench: Bench) -> None:
    texts = (
        C,
        after(C, "\tcall_b();", "\tif (err)\n\t\tgoto out;"),
        after(C, "\tcall_q();", "\tif (err)\n\t\tgoto out;"),
    )
    assert judge(bench, "a.c", texts).status in KEPT


def test_most_of_a_run_is_enough(bench: Bench) -> None:
    mine = "\tlog_init(x);\n\tlog_open(x);\n\tlog_start(x);"
    texts = C, after(C, "\tcall_b();", mine), after(C, "\tcall_k();", mine.replace("open(x)", "open(x, 1)"))
    assert judge(bench, "a.c", texts).status is Fate.DOUBTFUL
    other = after(C, "\tcall_k();", "\tlog_init(x);\n\tsomething(else);\n\tentirely(different);")
    assert judge(bench, "a.c", (C, after(C, "\tcall_b();", mine), other)).status in KEPT


def test_what_joins_a_line_to_its_neighbours_does_not_hide_it(bench: Bench) -> None:
    """The last part of a condition has no operator behind it, and upstream put the same part into the middle."""
    condition = "".join(f"    defined(__arch{n}__) || \\\n" for n in range(9))
    old = f"#if defined(i386) || \\\n{condition}    defined(__cris__)\n#define S 1\n#endif\n"
    mine = old.replace("defined(__cris__)", "defined(__cris__) || \\\n    defined(__aarch64__)")
    theirs = old.replace("    defined(__arch3__)", "    defined (__aarch64__) || \\\n    defined(__arch3__)")
    verdict = judge(bench, "a.h", (old, mine, theirs))
    assert verdict.status is Fate.DOUBTFUL
    assert verdict.why.startswith("'defined(__aarch64__)' would be twice in a.h, at lines 5 and ")


def test_a_file_that_upstream_moved(bench: Bench) -> None:
    old: Tree = {"a.c": C, "b.c": numbered(5)}
    queue = steps([old, {**old, "a.c": after(C, "\tcall_b();", "\tinit_x();")}])
    new = {"moved.c": after(C, "\tcall_e();", "\tinit_x();"), "b.c": numbered(5)}
    (verdict,) = bench.forecaster(old, queue).column(bench.version("new", new)).verdicts
    assert verdict.status is Fate.DOUBTFUL
    assert "moved.c" in verdict.why


FUNCTION = "static int {}(int x)\n{{\n\treturn x + {};\n}}\n"
TWO = FUNCTION.format("one", 1) + "\n" + FUNCTION.format("two", 2) + "\n" + FUNCTION.format("three", 3)
CASES = "".join(f"\tcase {n}:\n\t\tg({n});\n\t\tbreak;\n" for n in range(9))
SWITCH = f"int f(int x)\n{{\n\tswitch (x) {{\n{CASES}\t}}\n}}\n"
STRUCT = "struct s {\n" + "".join(f"\tint m{n};\n" for n in range(9)) + "};\n"
MAKE = "".join(f"obj-y += f{n}.o\n" for n in range(9))
KCONFIG = "".join(f'config C{n}\n\tbool "c {n}"\n\tselect S{n}\n\n' for n in range(5))
ASM = "".join(f"f{n}:\n\tmovl ${n}, %eax\n\tret\n\n" for n in range(5))
PYTHON = "class K:\n" + "".join(f"    def m{n}(self):\n        return {n}\n\n" for n in range(5))
TABLE = "D = {\n" + "".join(f'    "k{n}": {n},\n' for n in range(9)) + "}\n"
ATTRIBUTES = "class K:\n    def __init__(self):\n" + "".join(f"        self.a{n} = {n}\n" for n in range(9))
IMPORTS = "".join(f"import i{n}\n" for n in range(9))
OPS = "static const struct ops o = {\n" + "".join(f"\t.m{n} = f{n},\n" for n in range(9)) + "};\n"
PROTOTYPES = "".join(f"int g{n}(int a);\n" for n in range(9))
LOCALS = "int f(void)\n{\n" + "".join(f"\tint v{n};\n" for n in range(9)) + "}\n"


@dataclass(frozen=True)
class Twice:
    """The patch and upstream each put something before a line of a file."""

    name: str
    text: str
    mine: tuple[str, str]
    theirs: tuple[str, str]


DEFINED_TWICE = {
    "function": Twice(
        "a.c",
        TWO,
        ("static int two(int x)", FUNCTION.format("new", 7)),
        ("static int three(int x)", FUNCTION.format("new", 8)),
    ),
    "macro": Twice("a.h", STRUCT, ("\tint m1;", "#define NEW 1"), ("\tint m7;", "#define NEW (2)")),
    "label": Twice("a.c", C, ("\tcall_c();", "again:"), ("\tcall_r();", "again: ;")),
    "case": Twice(
        "a.c",
        SWITCH,
        ("\tcase 2:", "\tcase 77:\n\t\tone();\n\t\tbreak;"),
        ("\tcase 7:", "\tcase 77:\n\t\tother();\n\t\tbreak;"),
    ),
    "member": Twice("a.h", STRUCT, ("\tint m1;", "\tlong fresh;"), ("\tint m7;", "\tunsigned long fresh;")),
    "Makefile entry": Twice(
        "Makefile", MAKE, ("obj-y += f1.o", "obj-y += new.o"), ("obj-y += f7.o", "obj-y += other.o new.o")
    ),
    "Kconfig option": Twice(
        "Kconfig",
        KCONFIG,
        ("config C1", 'config NEW\n\tbool "new"\n'),
        ("config C4", 'config NEW\n\ttristate "x"\n'),
    ),
    "Kconfig select": Twice(
        "Kconfig",
        KCONFIG.replace('\tbool "c 1"\n', '\tbool "c 1"\n' + "\t# x\n" * 9),
        ("\tselect S1", "\tselect NEW"),
        ('\tbool "c 1"', "\tselect   NEW"),
    ),
    "assembler label": Twice("a.S", ASM, ("f1:", "new:\n\tnop"), ("f4:", "new:\n\tpause")),
    "object of a chosen list": Twice(
        "Makefile", MAKE, ("obj-y += f1.o", "obj-y += new.o"), ("obj-y += f7.o", "obj-$(CONFIG_NEW) += new.o")
    ),
    "flag": Twice(
        "Makefile", f"CFLAGS := -O2\n{MAKE}", ("CFLAGS", "CFLAGS := -g -Wnew"), ("obj-y += f7.o", "CFLAGS += -Wnew")
    ),
    "folder": Twice("Makefile", MAKE, ("obj-y += f1.o", "obj-y += new"), ("obj-y += f7.o", "obj-y += x.o new/")),
    "key": Twice("a.py", TABLE, ('    "k2"', '    "new": 1,'), ('    "k7"', '    "new": 2,')),
    "attribute": Twice(
        "a.py",
        ATTRIBUTES,
        ("        self.a2", "        self.new = 1"),
        ("        self.a7", "        self.new: int = 2"),
    ),
    "import": Twice(
        "a.py", IMPORTS, ("import i2", "from m import a, new"), ("import i7", "from m import new as other, new")
    ),
    "initialized member": Twice("a.c", OPS, ("\t.m2", "\t.new = one,"), ("\t.m7", "\t.new = two,")),
    "prototype": Twice("a.h", PROTOTYPES, ("int g2", "int new(int a);"), ("int g7", "int new(int a, int b);")),
    "type": Twice("a.h", PROTOTYPES, ("int g2", "typedef unsigned long new_t;"), ("int g7", "typedef int new_t;")),
    "export": Twice("a.c", PROTOTYPES, ("int g2", "EXPORT_SYMBOL(g1);"), ("int g7", "EXPORT_SYMBOL_GPL(g1);")),
    "local variable": Twice("a.c", LOCALS, ("\tint v2", "\tint new;"), ("\tint v7", "\tunsigned long new = 3;")),
    "assembler symbol": Twice("a.S", ASM, ("f1:", ".set NEW, 5"), ("f4:", "NEW = 5")),
    "Kconfig default": Twice(
        "Kconfig",
        KCONFIG.replace('\tbool "c 1"\n', '\tbool "c 1"\n' + "\t# x\n" * 9),
        ("\tselect S1", "\tdefault y"),
        ('\tbool "c 1"', "\tdefault y if NEW"),
    ),
    "Kconfig source": Twice(
        "Kconfig", KCONFIG, ("config C1", 'source "new/Kconfig"\n'), ("config C4", "source new/Kconfig\n")
    ),
    "method": Twice(
        "a.py",
        PYTHON,
        ("    def m1(self):", "    def new(self):\n        return 7\n"),
        ("    def m4(self):", "    def new(self, x):\n        return 8\n"),
    ),
}


@pytest.mark.parametrize("kind", DEFINED_TWICE)
def test_defined_twice(bench: Bench, kind: str) -> None:
    case = DEFINED_TWICE[kind]
    new, patched = (case.text.replace(place, f"{text}\n{place}", 1) for place, text in (case.theirs, case.mine))
    verdict = judge(bench, case.name, (case.text, patched, new))
    assert verdict.status is Fate.DOUBTFUL, verdict
    assert "would be twice" in verdict.why
    other = case.text.replace(case.theirs[0], f"something_else\n{case.theirs[0]}", 1)
    assert judge(bench, case.name, (case.text, patched, other)).status in KEPT


def test_branches_of_the_preprocessor_are_no_doubles(bench: Bench) -> None:
    old = f"#ifdef A\n#define X 1\n#else\n#define X 2\n#endif\n{C}"
    patched = old.replace("#define X 2\n", "#define X 2\n#define Y 3\n").replace(
        "#define X 1\n", "#define X 1\n#define Y 4\n"
    )
    assert judge(bench, "a.c", (old, patched, after(old, "\tcall_s();", "\tother();"))).status in KEPT


def moved(text: str, unit: str, before: str) -> str:
    assert text.count(unit) == 1
    return text.replace(unit, "").replace(before, f"{unit}{before}", 1)


def test_what_both_sides_moved_to_places_far_apart(bench: Bench) -> None:
    text = "".join(f"\tcall_{n}();\n" for n in range(40))
    unit = "\tcall_20();\n"
    assert judge(
        bench, "a.c", (text, moved(text, unit, "\tcall_2();\n"), moved(text, unit, "\tcall_38();\n"))
    ).status not in (KEPT)


def test_each_side_took_another_of_two_copies_away(bench: Bench) -> None:
    one, two = after(C, "\tcall_k();", "\tunlock(x);"), after(C, "\tcall_e();", "\tunlock(x);")
    both = after(one, "\tcall_e();", "\tunlock(x);")
    verdict = judge(bench, "a.c", (both, one, two))
    assert verdict.status is Fate.DOUBTFUL
    assert verdict.why == "'unlock(x);' would be gone from a.c: each side takes one of the two away, at lines 10 and 17"


def test_the_same_with_other_line_ends(bench: Bench) -> None:
    mine = after(C, "\tcall_c();", "\tif (!is_valid(ptr)) return -EINVAL;")
    theirs = after(C, "\tcall_r();", "\tif (!is_valid(ptr))\n\t\treturn -EINVAL;")
    verdict = judge(bench, "a.c", (C, mine, theirs))
    assert verdict.status is Fate.DOUBTFUL
    assert "would be twice in a.c, at lines 8 and 24" in verdict.why


@pytest.mark.parametrize(
    ("name", "mine", "theirs"),
    [
        ("a.c", "\tinit_x(y);", "\tinit_x(y); /* why */"),
        ("a.c", "\tinit_x(y);", "\tinit_x(y);  // why"),
        ("a.py", "    'fresh',", '    "fresh",  # why'),
    ],
)
def test_remarks_and_quotes_hide_nothing(bench: Bench, name: str, mine: str, theirs: str) -> None:
    lines = "".join(f"    item_{n},\n" for n in range(40))
    texts = lines, after(lines, "    item_3,", mine), after(lines, "    item_33,", theirs)
    assert judge(bench, name, texts).status is Fate.DOUBTFUL


def test_what_only_looks_alike_is_no_reason_to_ask(bench: Bench) -> None:
    cases = {
        "a.c": (C, ("int main(void)", "EXPORT(one);\nDEFINE_LOCK(l1);"), ("\tcall_r();", "\tif (x)\n\t\tfoo(2);")),
        "b.c": (C + "int other(void)\n{\n}\n", ("int main(void)", "EXPORT(one);"), ("int other(void)", "EXPORT(two);")),
        "Makefile": (MAKE, ("obj-y += f2.o", "CFLAGS_a.o := -O2"), ("obj-y += f7.o", "CFLAGS_b.o := -O2")),
    }
    for name, (text, *sides) in cases.items():
        mine, theirs = (text.replace(place, f"{new}\n{place}", 1) for place, new in sides)
        assert judge(bench, name, (text, mine, theirs)).status in KEPT, name


@dataclass(frozen=True)
class Language:
    """What a file is made of, and what may be new in it; the first line of each tells it."""

    unit: str
    new: tuple[str, ...]
    remark: str


LANGUAGES = {
    "a.c": Language(
        "\tcall_{}();\n",
        (
            "\tinit_x();\n",
            "\tx = compute(7);\n",
            "\tlist_add(&a, &b);\n",
            "static int fresh(int x)\n{{\n\treturn x;\n}}\n",
            "case NEW:\n\tg(1);\n\tbreak;\n",
            "#define FRESH 1\n",
        ),
        " /* why */",
    ),
    "a.py": Language(
        "    call_{}()\n",
        ("    init_x()\n", "def fresh(x):\n    return x\n", "import fresh\n", "    'fresh': 1,\n", "FRESH = 1\n"),
        "  # why",
    ),
    "Makefile": Language(
        "obj-y += f{}.o\n",
        ("obj-y += fresh.o\n", "CFLAGS := -Wfresh\n", "fresh: dep\n\tcmd fresh\n", "\tfresh.o \\\n"),
        "  # why",
    ),
    "Kconfig": Language(
        'config C{}\n\tbool "c"\n',
        ('config FRESH\n\tbool "fresh"\n', 'source "fresh/Kconfig"\n', "\tselect FRESH\n", "\tdefault FRESH\n"),
        "  # why",
    ),
    "a.S": Language(
        "\tmovl ${}, %eax\n",
        ("fresh:\n\tnop\n", "\tcall fresh_x\n", ".macro FRESH\n\tnop\n.endm\n", "\t.long fresh\n"),
        " // why",
    ),
}


@dataclass(frozen=True)
class Before:
    """A file, the patched one, a version that has the patch's change here or elsewhere, and the line that tells it."""

    name: str
    texts: tuple[str, str, str]
    line: str


@st.composite
def applied_before(draw: st.DrawFn) -> Before:
    """The change puts something in or moves it; upstream made it, maybe in other white space, and others around it."""
    name = draw(st.sampled_from(sorted(LANGUAGES)))
    language = LANGUAGES[name]
    old = [language.unit.format(n) for n in range(24)]
    left = list(old)
    if draw(st.booleans()):
        unit = left.pop(draw(st.integers(0, 23)))
    else:
        unit = draw(st.sampled_from(language.new)).replace("{{", "{").replace("}}", "}")
    at, there = draw(st.integers(0, len(left))), draw(st.integers(0, len(left)))
    variants = [unit, unit.replace("\t", "\t\t"), unit.replace("\n", f"{language.remark}\n", 1)]
    new = [*left[:there], draw(st.sampled_from(variants if not unit.endswith("\\\n") else variants[:2])), *left[there:]]
    for number in range(draw(st.integers(0, 4))):
        place = draw(st.integers(0, len(new) - 1))
        kind = draw(st.sampled_from(["change", "insert", "remove"]))
        if new[place] in variants:
            continue
        new[place : place + (kind != "insert")] = [] if kind == "remove" else [language.unit.format(f"90{number}")]
    texts = ("".join(lines) for lines in (old, [*left[:at], unit, *left[at:]], new))
    return Before(name, (next(texts), next(texts), next(texts)), unit.splitlines()[0])


@given(case=applied_before())
@settings(max_examples=100, deadline=None, suppress_health_check=SLOW)
def test_a_change_that_is_there_is_never_put_in_again(tmp_path_factory: pytest.TempPathFactory, case: Before) -> None:
    assume(case.texts[0] != case.texts[1])
    bench = Bench(tmp_path_factory.mktemp("double"))
    verdict = judge(bench, case.name, case.texts)
    if verdict.status in KEPT:
        merged = bench.repository.git("show", f"{verdict.tree}:{case.name}").splitlines()
        assert [bare(line, case.name) for line in merged].count(bare(case.line, case.name)) <= 1, (verdict, merged)


def bare(line: str, name: str) -> str:
    """A line without its remark and white space."""
    return "".join(line.removesuffix(LANGUAGES[name].remark).split())


def test_a_rebase_stops_at_a_doubtful_patch_and_takes_it_as_it_is_left(tmp_path: Path) -> None:
    patched, new = after(C, "\tcall_b();", "\tinit_x();"), after(C, "\tcall_e();", "\tinit_x();")
    workspace = PatchWorkspace.create(tmp_path / "w", {"a.c": C}, steps([{"a.c": C}, {"a.c": patched}]))
    stopped = workspace.planex("pq", "rebase", "pkg", workspace.source("2", {"a.c": new}))
    assert "patch 1 of 1, p1.patch: doubtful" in stopped.stderr
    assert "git diff HEAD" in stopped.stderr
    tree = workspace.folder / "trees" / "pkg-rebase" / "a.c"
    assert tree.read_text().count("init_x();") == 2, "the patch is in, for a person to judge"
    done = workspace.planex("pq", "rebase", "pkg", "--continue")
    assert "1 -> 2: 1 resolved" in done.stdout, done.stderr
