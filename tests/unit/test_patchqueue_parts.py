# SPDX-License-Identifier: LGPL-2.1-or-later
"""Parts of patch queues that need no tools: specs to import, bisection, versions, reports, journals."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planex.bisection import Conclusion, Judgement, search
from planex.cli.patchqueue.review import walk
from planex.content import records
from planex.errors import ConfigError, PlanexError
from planex.git import rerere
from planex.git.repository import Repository
from planex.pages.overview import overview, overview_text
from planex.pages.rebase import commit_message, report_text
from planex.pages.review import screens
from planex.pages.table import table
from planex.pages.verdicts import summary
from planex.patchqueue.carry.baseline import load_baseline
from planex.patchqueue.carry.contents import content_of_diff
from planex.patchqueue.carry.forecast import Version
from planex.patchqueue.carry.judge import Orders
from planex.patchqueue.carry.matters import read_clashes
from planex.patchqueue.carry.verdict import Fate, Strength, UpstreamProof, Verdict
from planex.patchqueue.commits import importer
from planex.patchqueue.commits.writeback import Writes
from planex.patchqueue.format.maintainers import parse_areas, recipients
from planex.patchqueue.format.queue import load_queue
from planex.patchqueue.format.specpatches import parse_spec
from planex.rebase.finish import edit_settings
from planex.rebase.state import State, forget_state, load_state, save_state
from planex.rebase.versions import _parts, _pattern, label_of
from planex.schema import replace_scalar
from planex.workspace import Workspace

SPEC = """\
Name: foo
Version: 1.2
%global sha abc
# Backports
Patch0: a-%{version}.patch
# Own
Patch2: https://host/b-%{sha}.patch
Patch7: c.patch
%prep
"""


def listed(prep: str) -> list[tuple[str, int]]:
    return [(item.name, item.strip) for item in parse_spec(SPEC + prep, Path("foo.spec"))[0]]


def test_patches_of_autosetup_go_by_number() -> None:
    assert listed("%autosetup -n foo -p1\n") == [("a-1.2.patch", 1), ("b-abc.patch", 1), ("c.patch", 1)]


@pytest.mark.parametrize(
    "form", ["%patch2 -p1\n%patch0\n", "%patch -P 2 -p1\n%patch -P0\n", "%patch 2 -p1\n%patch 0\n"]
)
def test_patch_lines_give_the_order(form: str) -> None:
    found, remarks = parse_spec(f"{SPEC}%setup -q\n{form}", Path("foo.spec"))
    assert [(item.name, item.strip) for item in found] == [("b-abc.patch", 1), ("a-1.2.patch", 0)]
    assert found[0].comments == ("# Own",)
    assert remarks == ["never applied, so left behind: c.patch"]


def test_patchlist() -> None:
    found, _ = parse_spec("Name: x\n%patchlist\none.patch\n# why\ntwo.patch\n%prep\n%autosetup -p1\n", Path("x.spec"))
    assert [item.name for item in found] == ["one.patch", "two.patch"]


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("Patch0: %{what}.patch\n", 1, "cannot tell what %{what}.patch stands for"),
        ("Patch0: a\n%patch0 -R\n", 2, "applied in reverse"),
        ("Patch0: a\n%patch1\n", 2, "no such patch"),
    ],
)
def test_specs_that_cannot_be_imported(text: str, line: int, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_spec(text, Path("x.spec"))
    assert (caught.value.problems[0].line, words in caught.value.problems[0].message) == (line, True)


def test_conditional_patches_are_remarked() -> None:
    assert parse_spec("%if 1\nPatch0: a\n%endif\n%autosetup\n", Path("x"))[1] == [
        "line 1: %if around patches is not looked at"
    ]


@given(count=st.integers(1, 40), culprit=st.integers(1, 40), dark=st.sets(st.integers(0, 40)))
def test_bisection_finds_the_first_bad_patch(count: int, culprit: int, dark: set[int]) -> None:
    tries: list[int] = []

    def attempt(number: int) -> Judgement:
        tries.append(number)
        if number in dark and number not in (0, count):
            return Judgement.SKIPPED
        return Judgement.BAD if number >= culprit else Judgement.GOOD

    answer, low, high = search(count, attempt)
    if culprit > count:
        assert answer is Conclusion.NEVER
    else:
        assert low < culprit <= high
        assert (answer is Conclusion.FOUND) == (high - low == 1)
        assert len(tries) <= 12 or dark


def test_what_cannot_be_told_with_all_is_not_said_to_work() -> None:
    assert search(3, lambda number: Judgement.SKIPPED if number == 3 else Judgement.BAD)[0] is Conclusion.UNTOLD


def test_bisection_of_what_always_fails() -> None:
    assert search(3, lambda number: Judgement.BAD)[0] is Conclusion.ALWAYS


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("xen_4.20.3+127-gc42374a105.orig.tar.xz", "4.20.3+127-gc42374a105"),
        ("linux-6.12.107.tar.gz", "6.12.107"),
        ("yajl-2.1.0.tar", "2.1.0"),
        ("foo.tar", "foo.tar"),
    ],
)
def test_labels(name: str, label: str) -> None:
    assert label_of(name) == label


def test_variables_are_read_off_an_address() -> None:
    tokens = {"version": "Z0Z", "snapshot": "Z1Z", "release": "Z2Z"}
    pattern = _pattern("debian:pool/x/xen_Z0ZZ1Z.orig.tar.xz", tokens)
    match = pattern.search("debian:pool/y/xen_4.17.5+72-g0114.orig.tar.xz")
    assert match is not None
    assert match.groupdict() == {"version": "4.17.5", "snapshot": "+72-g0114"}
    old = {"version": "4.20.3", "snapshot": "+127-gc42374a105", "commit": "c42374a105", "release": "1"}
    assert _parts(old, {"version": "4.17.5", "snapshot": "+72-g01140da4e8"}) == {"commit": "01140da4e8"}


def test_one_value_of_a_yaml_file_is_changed() -> None:
    text = '# top\nvariables:\n  version: "1.0"  # keep\n  release: 1\nguards: [a]\n'
    assert replace_scalar(text, ("variables", "version"), "2.0") == text.replace('"1.0"', '"2.0"')
    assert edit_settings(Path("p"), text, {"release": "2"}) == text.replace("release: 1", 'release: "2"')
    with pytest.raises(ConfigError, match="has no 'variables: nope'"):
        edit_settings(Path("p"), text, {"nope": "x"})


VERDICT = Verdict(
    "a.patch",
    Fate.UPSTREAMED,
    "c" * 40,
    "d" * 40,
    ("f",),
    "how",
    UpstreamProof(Strength.ORIGIN, "why", "e" * 40),
    ("b",),
    "r",
)


def test_verdicts_and_journals_are_read_back(tmp_path: Path) -> None:
    text = json.dumps({"format": 1, **VERDICT.to_json()})
    assert records.parse(text.encode(), Verdict, 1) == VERDICT
    version = Version("1", tmp_path / "x.tar", "abc")
    orders = Orders(frozenset({"a"}), {"b": "why"}, frozenset({"c"}))
    writes = Writes({"x": b"\xff\0"}, ("y",))
    state = State(
        "pkg",
        ("g",),
        version,
        version,
        {"version": "2"},
        "u",
        "q",
        orders,
        (version,),
        (VERDICT,),
        False,
        writes,
        {"k": 1},
    )
    workspace = Workspace(tmp_path)
    assert load_state(workspace, "pkg") is None
    save_state(workspace, state)
    assert load_state(workspace, "pkg") == state
    forget_state(workspace, "pkg")
    assert load_state(workspace, "pkg") is None


def test_a_damaged_journal_is_an_error_with_a_way_out(tmp_path: Path) -> None:
    (tmp_path / "trees").mkdir()
    (tmp_path / "trees" / "pkg-rebase.json").write_text("{")
    with pytest.raises(PlanexError, match=r"pkg-rebase\.json is damaged") as caught:
        load_state(Workspace(tmp_path), "pkg")
    assert caught.value.hint is not None


def test_tables_leave_out_empty_columns() -> None:
    assert table([("a", "", "x"), ("bcd", "", "")]) == "a    x\nbcd"
    assert table([]) == ""


def test_summary_is_in_the_order_of_the_statuses() -> None:
    assert summary([Fate.CONFLICT, Fate.CLEAN, Fate.CLEAN]) == "2 clean, 1 conflict"


def test_what_left_the_queue_is_in_report_and_commit_message() -> None:
    rows = [
        {"status": "clean", "patch": "a.patch", "why": ""},
        {"status": "dropped", "patch": "b.patch", "why": "not needed"},
        {"status": "resolved", "patch": "c.patch", "why": "", "range_diff": "1: a ! 1: b"},
    ]
    report = {"package": "pkg", "from": "1", "to": "2", "guarded_out": ["g.patch"], "patches": rows}
    assert "- b.patch: dropped, not needed" in commit_message(report)
    text = report_text(report)
    assert re.search(r"dropped +b\.patch +not needed", text)
    assert "1: a ! 1: b" in text
    assert "g.patch" in text


def test_digests_of_diffs_do_not_depend_on_place_or_white_space() -> None:
    one = b"diff --git a/f b/f\nindex 1..2 100644\n--- a/f\n+++ b/f\n@@ -1,2 +1,2 @@ x\n a\n-b\n+c d\n"
    other = (
        one.replace(b"index 1..2", b"index 3..4")
        .replace(b"@@ -1,2 +1,2 @@ x", b"@@ -9,2 +9,2 @@ y")
        .replace(b"c d", b"c  d")
    )
    assert content_of_diff(one.splitlines()).name == content_of_diff(other.splitlines()).name
    assert content_of_diff(one.splitlines()).lines.keys() == content_of_diff(other.splitlines()).lines.keys()
    assert content_of_diff(one.splitlines()).name != content_of_diff(one.replace(b"+c d", b"+e").splitlines()).name


def test_solutions_are_shared_and_unsolved_conflicts_are_not(tmp_path: Path) -> None:
    repository = Repository(tmp_path)
    for name, files in {"solved": ("preimage", "postimage"), "open": ("preimage",)}.items():
        (tmp_path / "rr-cache" / name).mkdir(parents=True)
        for file in files:
            (tmp_path / "rr-cache" / name / file).write_text(file)
    shared = tmp_path / "shared"
    assert rerere.share(repository, shared) == ["solved"]
    assert sorted(path.name for path in shared.iterdir()) == ["solved"]
    assert rerere.share(repository, shared) == []
    other = Repository(tmp_path / "other")
    assert rerere.bring(shared, other) == 1
    assert (tmp_path / "other" / "rr-cache" / "solved" / "postimage").read_text() == "postimage"


def test_overview(tmp_path: Path) -> None:
    (tmp_path / "series").write_text("# --- Mine\na.patch\nb.patch #+el9\n")
    (tmp_path / "a.patch").write_text(
        "Subject: one\nDate: Mon, 1 Jan 2024 00:00:00 +0000\n\n--- a/f\n+++ b/f\n@@ -1 +1 @@\n-a\n+b\n"
    )
    (tmp_path / "b.patch").write_text("From: Q <q@r>\nSubject: two\n\ncommit abcdef0123456789 upstream.\n")
    rows = overview(load_queue(tmp_path), datetime(2024, 1, 11, tzinfo=UTC), {"a.patch": "2.0"})
    assert [(row.applied, row.age, row.origin.text, row.section) for row in rows] == [
        (True, 10, "upstreamed in 2.0", "Mine"),
        (False, None, "backport of abcdef012345", "Mine"),
    ]
    narrow = overview_text(rows, 60).splitlines()
    assert max(map(len, narrow)) <= 60, "columns that do not fit go below"
    assert narrow[2].split()[-1] == "one"
    text = overview_text(rows)
    assert "not applied" in text
    assert "2 patches, 1 applied; +1 -1 lines; 1 backport, 1 upstreamed; median age 10 d, oldest 10 d" in text


def test_queues_that_cannot_be_read(tmp_path: Path) -> None:
    assert load_queue(tmp_path / "nothing").applied == ()
    outside = tmp_path / "secret"
    outside.write_text("x")
    folder = tmp_path / "q"
    (folder / "sub").mkdir(parents=True)
    (folder / "x.patch").write_text("")
    with pytest.raises(ConfigError, match="holds patches"):
        load_queue(folder)
    (folder / "sub" / "x.patch").write_text("")
    (folder / "link.patch").symlink_to(outside)
    (folder / "series").write_text("x.patch\nmissing.patch\nlink.patch\nsub\nsub/x.patch\n")
    with pytest.raises(ConfigError) as caught:
        load_queue(folder)
    assert [(problem.line, problem.message.split("(")[0].strip()) for problem in caught.value.problems] == [
        (2, "'missing.patch' is not in the patch queue"),
        (3, "'link.patch' lies outside the patch queue"),
        (4, "'sub' is not a file"),
        (5, "'sub/x.patch' has the same file name as 'x.patch'"),
    ]


@pytest.mark.parametrize("text", ["", "[]", '{"format": 99, "versions": {}}'])
def test_a_baseline_that_is_none(tmp_path: Path, text: str) -> None:
    path = tmp_path / "b.json"
    path.write_text(text)
    with pytest.raises(ConfigError, match=r"b\.json"):
        load_baseline(path)


PATCH = b"Subject: x\n\n--- a/f\n+++ b/f\n@@ -1 +1 @@\n-a\n+b\n"


def mails(folder: Path, **files: bytes) -> Path:
    for name, data in files.items():
        (folder / f"{name.replace('_', '-')[1:]}.patch").write_bytes(data)
    return folder


def test_numbers_are_the_order_however_many_digits_they_have(tmp_path: Path) -> None:
    found = importer.from_folder(mails(tmp_path, _10000_last=PATCH, _9999_middle=PATCH, _0001_first=PATCH))
    assert found.series == "0001-first.patch\n9999-middle.patch\n10000-last.patch\n"
    assert found.remarks[0].startswith("no patch has number 2, 3, 4")


def test_a_folder_of_mails_that_cannot_be_a_queue(tmp_path: Path) -> None:
    with pytest.raises(PlanexError, match="holds no series file, and no patches"):
        importer.from_folder(tmp_path)
    with pytest.raises(PlanexError, match="patches have no numbers"):
        importer.from_folder(mails(tmp_path, _fix=PATCH))
    mails(
        tmp_path,
        _0001_a=PATCH,
        _v2_0001_a=PATCH,
        _0002_mail=b"Subject: hello\n\nno diff\n",
        _0003_bad=PATCH.replace(b"-a", b"=a"),
    )
    with pytest.raises(ConfigError) as caught:
        importer.from_folder(tmp_path)
    told = {problem.path.name: problem.message for problem in caught.value.problems}
    assert sorted(told) == ["0002-mail.patch", "0003-bad.patch", "v2-0001-a.patch"]
    assert "same number as 0001-a.patch" in told["v2-0001-a.patch"]
    assert "no diff" in told["0002-mail.patch"]


AREAS = """\
Descriptions:
	F: files
	M: Nobody <nobody@example.org>

NET
M:	Ann <ann@example.org>
R:	"Bob, B." <bob@example.org>
L:	net@example.org (subscribers only)
F:	net/
X:	net/ipv6/

TOP OF DRIVERS
M:	no address
M:	Dan <dan@example.org>
F:	drivers/*

THE REST
M:	Rest <rest@example.org>
L:	all@example.org
F:	*
F:	*/
"""


@pytest.mark.parametrize(
    ("path", "people", "lists"),
    [
        (
            "net/core/a.c",
            ("Ann <ann@example.org>", "Bob, B. <bob@example.org>"),
            ("net@example.org", "all@example.org"),
        ),
        ("net/ipv6/a.c", ("Rest <rest@example.org>",), ("all@example.org",)),
        ("drivers/a.c", ("Dan <dan@example.org>",), ("all@example.org",)),
        ("drivers/x/a.c", ("Rest <rest@example.org>",), ("all@example.org",)),
        ("README", ("Rest <rest@example.org>",), ("all@example.org",)),
        ("network/a.c", ("Rest <rest@example.org>",), ("all@example.org",)),
    ],
)
def test_whom_a_file_concerns(path: str, people: tuple[str, ...], lists: tuple[str, ...]) -> None:
    found = recipients(parse_areas(AREAS), [path])
    assert (found.people, found.lists) == (people, lists)


CLASH = """\
one
<<<<<<< ours
theirs
||||||| base
=======
new
=======
>>>>>>> patch
two
<<<<<<< ours
=======
<<<<<<< no mark
>>>>>>> patch
"""


def test_both_sides_of_a_clash() -> None:
    first, second = read_clashes("a.c", CLASH)
    assert (first.line, first.before, first.theirs, first.was) == (2, ("one",), ("theirs",), ())
    assert first.ours == ("new", "=======")
    assert (second.line, second.before, second.theirs, second.was) == (4, ("one", "theirs", "two"), (), ())
    assert second.ours == ("<<<<<<< no mark",)


@pytest.mark.parametrize(
    ("keys", "seen"),
    [
        ("nn", "ab"),
        ("n\r", "ab"),
        ("q", "a"),
        ("npp?q", "abaa"),
        ("enn", "aEab"),
        ("\x03", "a"),
    ],
)
def test_keys_go_from_patch_to_patch(keys: str, seen: str) -> None:
    said: list[str] = []
    pressed = iter(keys)
    walk(["a", "b"], lambda: next(pressed), said.append, lambda number: said.append("E"))
    assert ("".join(said), list(pressed)) == (seen, [])


def test_a_text_that_is_too_long_for_the_screen_goes_on() -> None:
    assert screens(["h\n1\n2\n3", "k"], 3) == [(0, "h\n1\n2"), (0, "h (goes on)\n3"), (1, "k")]
