# SPDX-License-Identifier: LGPL-2.1-or-later
"""The course of a build, and its page."""

from __future__ import annotations

from collections.abc import Iterator
from html.parser import HTMLParser

from planex.events import Event, PackageEnded, PackagePlanned, PhaseBegan, Status, TaskBegan, TaskEnded
from planex.pages.course import course_of
from planex.pages.timeline import timeline_page

SPANS = {"a": (0.0, 10.0), "b": (0.0, 4.0), "c": (4.0, 9.0), "d": (12.0, 20.0)}
NEEDS = {"d": ("a", "b"), "c": ()}


def events() -> list[Event]:
    """Two slots: a and b begin, c waits for a slot, d for a and, two seconds more, for a slot; e is up to date."""
    planned = [PackagePlanned(name, "build", ("new",), 0.0, NEEDS.get(name, ()), monotonic=100) for name in SPANS]
    planned.append(PackagePlanned("e", "keep", ("up to date",), monotonic=100))
    return [*planned, *sorted(_work(), key=lambda event: event.monotonic)]


def _work() -> Iterator[Event]:
    for number, (name, (start, end)) in enumerate(SPANS.items()):
        status = Status.FAILED if name == "c" else Status.BUILT
        yield TaskBegan(number, name, monotonic=100 + start)
        yield PhaseBegan(number, name, "buildroot", monotonic=100 + start)
        yield PhaseBegan(number, name, "%build", monotonic=101 + start)
        yield TaskEnded(number, name, end - start, monotonic=100 + end)
        yield PackageEnded(name, status, end - start, "<it> failed" if name == "c" else "", monotonic=100 + end)


def test_the_course_is_what_the_events_say() -> None:
    course = course_of(events())
    assert (course.seconds, course.slots, list(course.worked)) == (20.0, 2, ["a", "b", "c", "d"])
    assert [(span.name, span.slot) for span in course.spans] == [("a", 0), ("b", 1), ("c", 1), ("d", 0)]
    assert course.critical == ("d", "a")
    assert [course.waited(name) for name in course.worked] == [0.0, 0.0, 4.0, 2.0]
    assert [(each.phase, each.start, each.end) for each in course.build("c").phases] == [
        ("buildroot", 4.0, 5.0),
        ("%build", 5.0, 9.0),
    ]


def test_the_page_names_the_store_that_a_package_was_taken_from() -> None:
    told = [PackagePlanned("f", "take", ()), PackageEnded("f", Status.TAKEN, 1.0, store="file:/far")]
    assert "taken from file:/far" in timeline_page([*events(), *told], "t", {})


def test_what_was_under_way_when_the_run_was_interrupted_is_shown_to_its_end() -> None:
    told = [event for event in events() if not (isinstance(event, TaskEnded | PackageEnded) and "d" in str(event))]
    told.append(PackageEnded("x", Status.SKIPPED, 0.0, monotonic=117))
    assert course_of(told).build("d").end == 17.0
    assert course_of([]).seconds == 0.0


def test_a_build_that_was_done_in_a_later_round_is_not_shown_as_kept() -> None:
    again = PackagePlanned("a", "keep", ("up to date",), monotonic=121)
    assert course_of([*events(), again]).planned["a"].action == "build"


def test_the_page_is_whole_and_says_what_it_shows() -> None:
    page = timeline_page(events(), "bookworm", {"a": 10.0, "e": 90.0})
    for text in (
        "3 built, 1 failed in 20 s",
        "Critical path, 18 s and 2.0 s of waiting for a slot: a, then d.",
        "1 min 30 s of builds saved: 1 package did not have to be built.",
        "&lt;it&gt; failed",
        "waited 4.0 s for it",
        "<title>%build: 4.0 s, from 5.0 s on</title>",
    ):
        assert text in page
    assert page.count('<li class="critical">') == 2
    assert "<script" not in page and "http" not in page
    Balanced().feed(page)


class Balanced(HTMLParser):
    """Fails where an element ends that did not begin last."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag
