# SPDX-License-Identifier: LGPL-2.1-or-later
"""A build as one web page: what ran when, on which slot, what the end waited for, and what did not have to be built.

Whole by itself: no script, nothing from elsewhere. Bars are pictures (SVG) as wide as the page; words stand above them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime

from planex.events import Event, Status
from planex.pages.course import Course, PhaseTime, TaskTime, course_of
from planex.pages.web import document, escaped, style
from planex.printable import without_passwords
from planex.units import clock, many

_WIDE, _HIGH = 1000, 10
_THIN = 1.5
_PREPARE = ("fetch", "unpack", "patches", "srpm")
_KINDS = {"prepare": "sources, patches, source RPM", "root": "buildroot", "build": "build", "critical": "critical path"}
_SAVED = {"keep": "up to date", "reuse": "an earlier result was made from the same"}


def timeline_page(events: Iterable[Event], target: str, costs: Mapping[str, float]) -> str:
    """The page's text. ``costs``: seconds that the stored result of each package took to build."""
    told = tuple(events)
    course = course_of(told)
    saved = {name: seconds for name, seconds in costs.items() if name not in course.worked and name in course.planned}
    began = datetime.fromtimestamp(told[0].time if told else 0.0, UTC).strftime("%Y-%m-%d %H:%M UTC")
    parts = (_head(course, saved, target, began), _packages(course), _slots(course), _not_built(course, saved))
    return document(
        f"{target}: build of {began}", style("house", "timeline"), "\n".join(x for part in parts for x in part)
    )


def _head(course: Course, saved: Mapping[str, float], target: str, began: str) -> Iterator[str]:
    counts = {status: sum(each.status is status for each in course.ended.values()) for status in Status}
    text = ", ".join(f"{count} {status.value}" for status, count in counts.items() if count) or "nothing was built"
    yield f"<h1>{escaped(target)}: build of {began}</h1>"
    yield f'<p class="state{" broken" if counts[Status.FAILED] else ""}">{text} in {clock(course.seconds)}.</p>'
    if course.critical:
        names = ", then ".join(map(escaped, reversed(course.critical)))
        took = sum(course.build(name).seconds for name in course.critical)
        waited = sum(course.waited(name) for name in course.critical)
        slots = f" and {clock(waited)} of waiting for a slot" if waited >= 1 else ""
        yield f"<p>Critical path, {clock(took)}{slots}: {names}.</p>"
    if saved:
        count = many(len(saved), "package")
        yield f"<p>{clock(sum(saved.values()))} of builds saved: {count} did not have to be built.</p>"


def _packages(course: Course) -> Iterator[str]:
    yield f'<h2 id="packages">What was built: {many(len(course.worked), "package")}</h2>'
    yield (
        "<p>"
        + " ".join(f'<span class="word"><i class="key {kind}"></i> {text}</span>' for kind, text in _KINDS.items())
        + "</p>"
    )
    yield '<ul class="bars">'
    for name in course.worked:
        yield _package(course, name)
    yield f"</ul>{_scale(course)}"


def _package(course: Course, name: str) -> str:
    ended, critical = course.worked[name], name in course.critical
    waited = course.waited(name)
    words = [f"slot {course.build(name).slot + 1}", f"waited {clock(waited)} for it" if waited >= 1 else ""]
    words += [without_passwords(ended.reason).split("\n")[0] if ended.status is Status.FAILED else ""]
    chips = f'<i class="chip {ended.status.value}">{ended.status.value}</i>'
    chips += ' <i class="chip critical">critical path</i>' if critical else ""
    text = escaped(", ".join(filter(None, [clock(course.build(name).seconds), *words])))
    bars = [_bar(course, each, _kind(each.phase), each.phase) for span in course.by_name[name] for each in span.phases]
    head = f'<b>{escaped(name)}</b> {chips} <span class="soft">{text}</span>'
    kind = ' class="critical"' if critical else ""
    return f"<li{kind}>{head}{_strip(f'when {name} was built', bars)}</li>"


def _kind(phase: str) -> str:
    word = phase.split(" ")[0]
    return "prepare" if word in _PREPARE else "root" if word == "buildroot" else "build"


def _slots(course: Course) -> Iterator[str]:
    yield f'<h2 id="slots">Slots: {course.slots}</h2>\n<ul class="bars">'
    for slot in range(course.slots):
        spans = [span for span in course.spans if span.slot == slot]
        busy = sum(span.seconds for span in spans) / (course.seconds or 1)
        bars = [_bar(course, span, _slot_kind(course, span), span.name) for span in spans]
        head = f'<b>slot {slot + 1}</b> <span class="soft">busy {busy:.0%}</span>'
        yield f"<li>{head}{_strip(f'what ran on slot {slot + 1}', bars)}</li>"
    yield f"</ul>{_scale(course)}"


def _slot_kind(course: Course, span: TaskTime) -> str:
    if span.name in course.critical and span == course.build(span.name):
        return "critical"
    if span.name == "buildroot":
        return "root"
    return "prepare" if span.phases and all(_kind(each.phase) == "prepare" for each in span.phases) else "build"


def _strip(words: str, bars: Iterable[str]) -> str:
    view = f'viewBox="0 0 {_WIDE} {_HIGH}" preserveAspectRatio="none"'
    return f'<svg {view} role="img" aria-label="{escaped(words)}">{"".join(bars)}</svg>'


def _bar(course: Course, part: TaskTime | PhaseTime, kind: str, title: str) -> str:
    scale = _WIDE / (course.seconds or 1)
    wide = max(part.seconds * scale, _THIN)
    text = escaped(without_passwords(f"{title}: {clock(part.seconds)}, from {clock(part.start)} on"))
    place = f'x="{part.start * scale:.1f}" y="0" width="{wide:.1f}" height="{_HIGH}"'
    return f'<rect class="{kind}" {place}><title>{text}</title></rect>'


def _scale(course: Course) -> str:
    marks = (0.0, 0.25, 0.5, 0.75, 1.0)
    return f'<div class="scale">{"".join(f"<span>{clock(course.seconds * mark)}</span>" for mark in marks)}</div>'


def _not_built(course: Course, saved: Mapping[str, float]) -> Iterator[str]:
    names = [name for name in course.planned if name not in course.worked]
    if not names:
        return
    yield f'<h2 id="saved">Not built: {many(len(names), "package")}</h2>\n<ul class="saved">'
    for name in names:
        cost = f"saved {clock(saved[name])}" if saved.get(name) else ""
        yield f"<li><b>{escaped(name)}</b><span>{escaped(_why(course, name))}</span><span>{cost}</span></li>"
    yield "</ul>"


def _why(course: Course, name: str) -> str:
    ended, planned = course.ended.get(name), course.planned[name]
    if ended is None:
        return _SAVED.get(planned.action, "the run ended before it")
    if ended.status is Status.TAKEN:
        return f"taken from {without_passwords(ended.store)}"
    if ended.status is Status.UNCHANGED:
        return "what it needs came out the same"
    return _SAVED["reuse"] if ended.status is Status.REUSED else without_passwords(ended.reason) or ended.status.value
