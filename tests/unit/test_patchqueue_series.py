# SPDX-License-Identifier: LGPL-2.1-or-later
"""The series file: grammar, guards, and writing it back."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planex.errors import ENOUGH, ConfigError
from planex.patchqueue.format.reorder import rewrite
from planex.patchqueue.format.series import MAX_LINES, Entry, Series, make_entry, parse_series

PATH = Path("patchqueues/x/series")
GUARDS = st.sampled_from(["alpha", "bravo", "charlie"])


def entries(text: str) -> tuple[Entry, ...]:
    return parse_series(text, PATH).entries


@pytest.mark.parametrize(
    ("line", "name", "strip", "guards"),
    [
        ("a.patch", "a.patch", 1, ()),
        ("  a.patch  ", "a.patch", 1, ()),
        ("dir/j.patch", "dir/j.patch", 1, ()),
        ("k.patch -p0", "k.patch", 0, ()),
        ("k.patch -pab", "k.patch", 1, ()),
        ("k.patch\t-p2\t#+el9", "k.patch", 2, ("+el9",)),
        ("a.patch #+g", "a.patch", 1, ("+g",)),
        ("a.patch  #+g", "a.patch", 1, ("+g",)),
        ("a.patch #+a #-b", "a.patch", 1, ("+a", "-b")),
        ("a.patch #+a # why #+b", "a.patch", 1, ("+a",)),
        ("a.patch # text", "a.patch", 1, ()),
        ("a.patch # +g", "a.patch", 1, ()),
        ("a.patch #", "a.patch", 1, ()),
        ("a.patch #text", "a.patch", 1, ()),
        ("a#b.patch", "a#b.patch", 1, ()),
    ],
)
def test_a_line(line: str, name: str, strip: int, guards: tuple[str, ...]) -> None:
    (entry,) = entries(line + "\n")
    assert (entry.name, entry.strip, entry.guards) == (name, strip, guards)


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("a -R\n", 1, "write the reverse patch"),
        ("# x\n../a\n", 2, "outside the patch queue"),
        ("/etc/passwd\n", 1, "outside the patch queue"),
        ("a\nb\na\n", 3, "named twice (first in line 1)"),
        ("a\n./a\n", 2, "named twice"),
        ("a #+\n", 1, "'#+' is not a guard"),
        ("a #+x,-y\n", 1, "several with spaces between"),
        ("a b\n", 1, "unexpected 'b'"),
        ("a -p\n", 1, "unexpected '-p'"),
    ],
)
def test_mistakes_are_named_with_their_line(text: str, line: int, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_series(text, PATH)
    (problem,) = caught.value.problems
    assert problem.line == line
    assert words in problem.message


def test_every_mistake_is_reported() -> None:
    with pytest.raises(ConfigError) as caught:
        parse_series("a -R\nb\nb\n../c\n", PATH)
    assert [problem.line for problem in caught.value.problems] == [1, 3, 4]


def test_the_section_is_the_comment_above() -> None:
    found = entries("# --- Backports\na\nb\n\n# --- Own\n#\nc\n")
    assert [entry.section for entry in found] == ["Backports", "Backports", "Own"]


@pytest.mark.parametrize("text", ["", "a", "a\n", "\n\n# c\n  a  #+x # why\n\nb -p0\n", "a\r\n# c\r\nb\r\n"])
def test_written_back_byte_for_byte(text: str) -> None:
    assert parse_series(text, PATH).text() == text


@given(guards=st.sets(st.tuples(st.sampled_from("+-"), GUARDS), max_size=3), chosen=st.sets(GUARDS))
def test_guards(guards: set[tuple[str, str]], chosen: set[str]) -> None:
    entry = Entry("a", guards=tuple(sign + name for sign, name in sorted(guards)))
    positive = {name for sign, name in guards if sign == "+"}
    negative = {name for sign, name in guards if sign == "-"}
    if positive & chosen:
        assert entry.applies(chosen)
    elif positive or negative & chosen:
        assert not entry.applies(chosen)
    else:
        assert entry.applies(chosen)


@given(
    before=st.lists(st.sampled_from("abcdefg"), unique=True),
    after=st.lists(st.sampled_from("abcdefgxyz"), unique=True),
    comments=st.sets(st.integers(0, 7)),
)
def test_rewriting_gives_the_new_order_and_keeps_comments(
    before: list[str], after: list[str], comments: set[int]
) -> None:
    lines: list[str | Entry] = []
    for number, name in enumerate(before):
        lines += [f"# {number}"] if number in comments else []
        lines.append(make_entry(name))
    series = rewrite(Series(tuple(lines)), before, [Entry(name) for name in after])
    assert [entry.name for entry in series.entries] == after
    assert [line for line in series.lines if isinstance(line, str)] == [line for line in lines if isinstance(line, str)]


def test_rewriting_moves_as_little_as_possible() -> None:
    text = "# one\na\nb # why\n\n# two\nc #+g\nd\n"
    series = parse_series(text, PATH)
    moved = rewrite(series, ["a", "b", "d"], [Entry("b"), Entry("new"), Entry("d"), Entry("a")])
    assert moved.text() == "# one\nb # why\nnew\n\n# two\nc #+g\nd\na\n"


def test_rewriting_changes_guards_and_keeps_the_remark() -> None:
    series = parse_series("a #+x # why\n", PATH)
    assert rewrite(series, ["a"], [Entry("a", guards=("-y",))]).text() == "a #-y # why\n"
    assert rewrite(series, ["a"], [Entry("a", guards=("+x",))]).text() == "a #+x # why\n"


def test_a_series_longer_than_any_queue_is_refused_at_once() -> None:
    with pytest.raises(ConfigError, match=rf"s:{MAX_LINES + 1}: more than {MAX_LINES} lines"):
        parse_series("x.patch\n" * (MAX_LINES + 1), Path("s"))


def test_reading_stops_after_enough_mistakes() -> None:
    with pytest.raises(ConfigError) as caught:
        parse_series("x.patch -q\n" * (ENOUGH + 10), Path("s"))
    assert len(caught.value.problems) == ENOUGH


def test_a_carriage_return_that_ends_no_line_is_kept() -> None:
    assert parse_series("\r\r", PATH).text() == "\r\r"
    assert parse_series("a.patch\r\nb.patch\r\n", PATH).text() == "a.patch\r\nb.patch\r\n"
