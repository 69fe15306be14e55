# SPDX-License-Identifier: LGPL-2.1-or-later
"""A forecast for people: the web page, and the order in which it tells things."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

import planex
from planex.pages.needs import NO_FILE, WAITING, by_file, is_out
from planex.pages.page import News, forecast_page
from planex.pages.table import fitted, folded
from planex.pages.verdicts import forecast_text
from planex.patchqueue.carry.breaker import Breaker
from planex.patchqueue.carry.forecast import Column, Matrix, Version
from planex.patchqueue.carry.offers import Built, Offer, Offers
from planex.patchqueue.carry.rows import forecast_rows
from planex.patchqueue.carry.verdict import Fate, Verdict
from planex.patchqueue.format.queue import Patch
from planex.patchqueue.format.series import parse_series

STYLE = "".join((Path(planex.__file__).parent / "data" / name).read_text() for name in ("house.css", "forecast.css"))
CLEAN, CONFLICT, BLOCKED = Fate.CLEAN, Fate.CONFLICT, Fate.BLOCKED


def version(label: str) -> Version:
    return Version(label, Path("/x"), label)


def patch_data(name: str, path: str = "a.c") -> bytes:
    return f"Subject: about <{name}>\n\n--- a/{path}\n+++ b/{path}\n@@ -1 +1 @@\n-a\n+b\n".encode()


def verdict(patch: str, status: Fate) -> Verdict:
    files = ("a.c",) if status is CONFLICT else ()
    blockers = ("p1.patch",) if status is BLOCKED else ()
    return Verdict(patch, status, "c", "t", files, blockers=blockers)


def matrix_of(fates: dict[str, list[Fate]], names: str = "") -> Matrix:
    """A forecast: version to the fates of p1.patch, p2.patch and so on."""
    count = len(next(iter(fates.values())))
    series = parse_series(names or "".join(f"p{number}.patch\n" for number in range(1, count + 1)), Path("series"))
    patches = tuple(Patch(entry, Path(entry.name), patch_data(entry.name)) for entry in series.entries)
    columns = [
        Column(version(label), "c", tuple(verdict(p.name, s) for p, s in zip(patches, column, strict=True)))
        for label, column in fates.items()
    ]
    return Matrix(version("1"), patches, tuple(columns))


def page_of(matrix: Matrix, news: News | None = None, breakers: dict[str, Breaker] | None = None) -> str:
    return forecast_page(matrix, forecast_rows(matrix, "xen", breakers or {}), news)


class Reader(HTMLParser):
    """Links, ids, what would be fetched or run, and whether all that opens is closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: set[str] = set()
        self.ids: list[str] = []
        self.stack: list[str] = []
        self.foreign: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.ids += [str(found["id"])] if "id" in found else []
        self.links |= {str(found["href"])} if "href" in found else set()
        if tag in ("script", "link", "img", "iframe", "object") or "src" in found:
            self.foreign.append(tag)
        if tag not in ("meta", "input", "br"):
            self.stack.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.stack.pop() == tag


THREE = {"2": [CLEAN, CLEAN, CLEAN], "3": [CONFLICT, BLOCKED, CLEAN], "4": [CONFLICT, CONFLICT, CLEAN]}


def test_the_page_is_whole_and_alone() -> None:
    reader = Reader(page_of(matrix_of(THREE), News("last.json", [("p1.patch", "3", CONFLICT)])))
    assert not reader.stack
    assert not reader.foreign
    assert len(reader.ids) == len(set(reader.ids))
    assert reader.links == {f"#{name}" for name in ("needs", "patches", "p1.patch", "p2.patch")}
    assert {link[1:] for link in reader.links} <= set(reader.ids)
    assert "url(" not in STYLE
    assert "@import" not in STYLE


def test_what_matters_comes_first() -> None:
    text = page_of(matrix_of(THREE), News("last.json", [("p1.patch", "3", CONFLICT)]))
    places = [
        "2 of 3 patches need a person",
        "New trouble since last.json",
        "2 need a person",
        "by file",
        "All patches",
    ]
    assert sorted(places, key=text.index) == places
    assert "No new trouble since last.json" in page_of(matrix_of(THREE), News("last.json", []))
    assert "None of 3 patches needs a person" in page_of(matrix_of({"2": [CLEAN] * 3}))


def test_neighbours_share_a_cell_and_blockers_are_linked() -> None:
    text = page_of(matrix_of(THREE))
    assert '<i class="conflict s2" title="3 to 4">conflict</i>' in text
    assert '<i class="clean s3" title="2 to 4">clean</i>' in text
    assert 'needs <a href="#p1.patch">p1.patch</a>' in text


def test_a_bar_has_its_troubles_at_the_left() -> None:
    text = page_of(matrix_of({"2": [CLEAN, CLEAN, CONFLICT]}))
    assert '<div class="bar"><i class="conflict" style="flex:1"></i><i class="clean" style="flex:2"></i></div>' in text


def test_text_of_patches_is_no_markup() -> None:
    matrix = matrix_of({"<i>2": [CLEAN, CONFLICT]}, '# <script>alert("x")</script>\na&b"c.patch\na_b_c.patch\n')
    breakers = {"a_b_c.patch": Breaker("a", "<b>bad\x1b[31m", "1", "2")}
    text = page_of(matrix, News("<u>.json", []), breakers)
    reader = Reader(text)
    assert not reader.foreign
    assert not reader.stack
    assert "a_b_c.patch:2" in reader.ids, "two names that give the same anchor"
    for mark in ("<i>2", "<u>", "<b>bad", "<script", "\x1b"):
        assert mark not in text
    assert "&lt;b&gt;bad" in text


def test_a_large_queue_makes_a_small_page() -> None:
    fates = [CLEAN, CLEAN, Fate.OFFSET, Fate.MERGED, CONFLICT]
    matrix = matrix_of({str(v): [fates[(p * 7 + v * p % 3) % 5] for p in range(250)] for v in range(6)})
    text = page_of(matrix)
    assert len(text) < 200_000
    assert "of 250 patches" in text[: text.index('class="bar"')], "how bad it is stands before everything else"


def test_by_file_puts_the_worst_first_and_what_waits_last() -> None:
    groups = by_file(matrix_of(THREE))
    assert [(place, [case.patch for case in cases]) for place, cases in groups.items()] == [
        ("a.c", ["p1.patch", "p2.patch"]),
        (WAITING, ["p2.patch"]),
    ]
    assert groups["a.c"][0].labels == {CONFLICT: ["3", "4"]}


def test_columns_that_do_not_fit_go_below_their_line() -> None:
    rows = [("1", "a.patch", "", "own", "some subject"), ("2", "bb.patch", "#+x", "backport", "x")]
    assert folded(rows, 80, 3) == [
        "1  a.patch        own       some subject",
        "2  bb.patch  #+x  backport  x",
    ]
    assert folded(rows, 30, 3) == ["1  a.patch        own\n   some subject", "2  bb.patch  #+x  backport\n   x"]
    assert folded(rows, 12, 3) == ["1  a.patch\n   own  some\n   subject", "2  bb.patch\n   #+x\n   backport\n   x"]
    assert folded([], 80, 3) == []


LONG = {f"4.20.{number}+127-gc42374a105": fates for number, fates in enumerate(THREE.values())}
NAMES = "".join(f"{word}-a-patch-with-a-rather-long-name.patch\n" for word in ("first", "second", "third"))


@pytest.mark.parametrize("width", [80, 120])
def test_the_terminal_tells_the_totals_at_the_end_and_breaks_no_words(width: int) -> None:
    text = forecast_text(matrix_of(LONG, NAMES), "xen", {}, width)
    assert max(map(len, text.splitlines())) <= width
    assert text.endswith(
        "4.20.0+127-gc42374a105:  needs nobody     3 clean\n"
        "4.20.1+127-gc42374a105:  2 need a person  1 clean, 1 conflict, 1 blocked\n"
        "4.20.2+127-gc42374a105:  2 need a person  1 clean, 2 conflict\n"
    )
    for whole in ("clean 4.20.0+127-gc42374a105", "conflict 4.20.1+127-gc42374a105 to 4.20.2+127-gc42374a105"):
        assert whole in text, "an item of a list stays on its line"
    assert re.search(r"^third-\S+ +clean$", text, re.MULTILINE), "what is the same everywhere needs no versions"


def test_a_cell_hangs_under_itself_or_where_it_is_narrow_under_its_line() -> None:
    rows = [("a", "one two three four five six seven eight nine ten"), ("bb", "short")]
    assert fitted(rows, 36) == "a   one two three four five six\n    seven eight nine ten\nbb  short"
    assert fitted(rows, 30, 2) == "  a\n      one two three four five\n      six seven eight nine ten\n  bb  short"
    assert fitted([], 80) == ""


def test_a_doubt_stands_at_the_file_that_it_names() -> None:
    (entry,) = parse_series("wide.patch\n", Path("series")).entries
    paths = [f"{letter}.c" for letter in "abcde"]
    data = b"".join(patch_data("x", path).partition(b"\n\n")[2] for path in paths)
    for reason, place in (("twice in c.c", "c.c"), ("its subject is upstream's", NO_FILE)):
        doubt = Verdict("wide.patch", Fate.DOUBTFUL, "c", "t", reason=reason)
        patches = (Patch(entry, Path("wide.patch"), data),)
        assert list(by_file(Matrix(version("1"), patches, (Column(version("2"), "c", (doubt,)),)))) == [place]


def offers_of(*labels: str) -> Offers:
    """Of the patch p1: what it would change is the same on all versions but the last."""
    change = "--- a/a.c\n+++ b/a.c\n@@ -1 +1 @@\n-old <i>\n+new <b>\n"
    last = Offer(change.replace("new", "newest"), "", Built.BREAKS)
    return {(label, "p1.patch"): Offer(change, f"{label}: beside <u>", Built.BUILDS) for label in labels[:-1]} | {
        (labels[-1], "p1.patch"): last
    }


def test_proposals_are_shown_with_their_diffs_and_what_is_proved() -> None:
    matrix = matrix_of({"2": [Fate.PROPOSAL, CONFLICT], "3": [Fate.PROPOSAL, CLEAN], "4": [Fate.PROPOSAL, CLEAN]})
    data = forecast_rows(matrix, "xen", {}, offers_of("2", "3", "4"))
    text = forecast_page(matrix, data)
    reader = Reader(text)
    assert not reader.stack
    assert {"#needs", "#proposals", "#patches"} < reader.links
    section = text[text.index('id="proposals"') : text.index('id="patches"')]
    assert "Proposals to look at: 1 patch<" in section
    assert "on 2, 3: " in section, "the same proposal is shown once"
    assert section.count("<ins>+new &lt;b&gt;</ins>") == 1
    assert section.count("<ins>+newest &lt;b&gt;</ins>") == 1
    assert "<del>---" not in section
    assert "2: beside &lt;u&gt;" in section
    assert re.findall(r'<i class="chip \w+">([\w ]+)</i>', section) == ["builds", "breaks the build"] * 2
    assert 'id="proposals"' not in page_of(matrix_of(THREE))


def test_a_proposal_says_how_far_it_is_proved() -> None:
    matrix = matrix_of({"2": [Fate.PROPOSAL], "3": [Fate.PROPOSAL]})
    text = forecast_text(matrix, "xen", {}, 120, offers_of("2", "3"))
    assert re.findall(r"proposal +p1.patch .*; (.*)", text) == ["builds", "breaks the build"]
    rows = forecast_rows(matrix, "xen", {}, offers_of("2", "3"))["versions"]
    assert [rows[label]["p1.patch"]["built"] for label in "23"] == ["builds", "breaks the build"]
    assert forecast_rows(matrix, "xen", {})["versions"]["2"]["p1.patch"]["built"] == "not built"


def colours(style: str) -> dict[str, str]:
    return dict(re.findall(r"--([\w-]+): (#[0-9a-f]+)", style))


def luminance(colour: str) -> float:
    digits = colour[1:] if len(colour) == 7 else "".join(2 * digit for digit in colour[1:])
    parts = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("dark", [False, True])
def test_all_text_can_be_read(dark: bool) -> None:
    light_style, dark_style = STYLE.split("@media (prefers-color-scheme: dark)")
    found = colours(dark_style.split("\n}\n")[0] if dark else light_style)
    pairs = [(f"{name}-text", name) for name in ("good", "same", "changed", "gone", "grey", "lost")]
    pairs += [("loud-text", name) for name in ("conflict", "doubtful", "blocked", "failed")]
    pairs += [(name, back) for name in ("text", "soft", "link", "alarm") for back in ("page", "raised")]
    weak = {pair: contrast(found[pair[0]], found[pair[1]]) for pair in pairs}
    assert not {pair: ratio for pair, ratio in weak.items() if ratio < 4.5}


def test_every_status_has_its_colour() -> None:
    assert {str(status) for status in Fate} <= set(re.findall(r"\.(\w+)", STYLE))


@pytest.mark.parametrize(
    ("fates", "said"),
    [
        ([CLEAN, Fate.MERGED, CONFLICT, BLOCKED, Fate.PROPOSAL], "2 is out: 2 patches clean, 3 need you"),
        ([CLEAN, Fate.UPSTREAMED, CONFLICT], "2 is out: 1 patch clean, 1 upstream already, 1 needs you"),
        ([CLEAN, CLEAN], "2 is out: 2 patches clean"),
        ([], "2 is out"),
    ],
)
def test_what_is_out_in_a_sentence(fates: list[Fate], said: str) -> None:
    assert is_out("2", matrix_of({"2": fates}).columns[0]) == said
