# SPDX-License-Identifier: LGPL-2.1-or-later
"""The course of a build, made of its events: what ran when and where, what had to wait, and what the end hung on.

Pure. Times are seconds from the first event on.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from planex.events import Event, PackageEnded, PackagePlanned, PhaseBegan, Status, TaskBegan, TaskEnded

_WORK = (Status.BUILT, Status.FAILED)


@dataclass(frozen=True, slots=True)
class PhaseTime:
    """A phase of a span."""

    phase: str
    start: float
    end: float

    @property
    def seconds(self) -> float:
        return self.end - self.start


@dataclass(frozen=True, slots=True)
class TaskTime:
    """Something that was under way without a break. ``slot`` counts from 0."""

    name: str
    start: float
    end: float
    slot: int
    phases: tuple[PhaseTime, ...]

    @property
    def seconds(self) -> float:
        return self.end - self.start


@dataclass(frozen=True)
class Course:
    """``critical``: packages that the end waited for, the last one first."""

    seconds: float
    slots: int
    spans: tuple[TaskTime, ...]
    planned: Mapping[str, PackagePlanned]
    ended: Mapping[str, PackageEnded]
    critical: tuple[str, ...] = ()

    @cached_property
    def by_name(self) -> Mapping[str, list[TaskTime]]:
        """The spans of each package; its build is the last one."""
        found: dict[str, list[TaskTime]] = {}
        for span in self.spans:
            found.setdefault(span.name, []).append(span)
        return found

    def build(self, package: str) -> TaskTime:
        return self.by_name[package][-1]

    @cached_property
    def worked(self) -> dict[str, PackageEnded]:
        """What became of packages that were built, well or badly, in the order in which their builds began."""
        found = {name: each for name, each in self.ended.items() if each.status in _WORK and name in self.by_name}
        return dict(sorted(found.items(), key=lambda item: (self.build(item[0]).start, item[0])))

    def waited(self, package: str) -> float:
        """Seconds for which all was there that a package needs, and no slot was free."""
        ends = [self.build(need).end for need in _needs(self, package)]
        first = self.build(next(iter(self.worked))).start
        return max(0.0, self.build(package).start - max([first, *ends]))


def course_of(events: Iterable[Event]) -> Course:
    """Of the events of one run, in their order."""
    told = tuple(events)
    began = told[0].monotonic if told else 0.0
    end = max((event.monotonic for event in told), default=began) - began
    spans = _placed(sorted(_spans(told, began, end), key=lambda span: (span.start, span.name)))
    planned: dict[str, PackagePlanned] = {}
    for event in told:  # in a later round, what was built is kept
        if isinstance(event, PackagePlanned) and (event.package not in planned or event.action != "keep"):
            planned[event.package] = event
    ended = {event.package: event for event in told if isinstance(event, PackageEnded)}
    slots = max((span.slot for span in spans), default=-1) + 1
    course = Course(end, slots, spans, planned, ended)
    return replace(course, critical=tuple(_critical(course)))


def _spans(events: tuple[Event, ...], began: float, end: float) -> Iterator[TaskTime]:
    names: dict[int, tuple[str, float]] = {}
    phases: dict[int, list[tuple[str, float]]] = {}
    for event in events:
        now = event.monotonic - began
        if isinstance(event, TaskBegan):
            names[event.task], phases[event.task] = (event.name, now), []
        elif isinstance(event, PhaseBegan) and event.task in names:
            phases[event.task].append((event.phase, now))
        elif isinstance(event, TaskEnded) and event.task in names:
            yield _span(*names.pop(event.task), now, phases[event.task])
    for task, (name, start) in names.items():  # the run was interrupted
        yield _span(name, start, end, phases[task])


def _span(name: str, start: float, end: float, phases: list[tuple[str, float]]) -> TaskTime:
    ends = [*(when for _, when in phases[1:]), end]
    return TaskTime(
        name, start, end, 0, tuple(PhaseTime(*phase, until) for phase, until in zip(phases, ends, strict=False))
    )


def _placed(spans: list[TaskTime]) -> tuple[TaskTime, ...]:
    """Each on the first slot that is free when it begins."""
    free: list[float] = []
    placed = []
    for span in spans:
        slot = next((number for number, until in enumerate(free) if until <= span.start), len(free))
        free[slot : slot + 1] = [span.end]
        placed.append(replace(span, slot=slot))
    return tuple(placed)


def _needs(course: Course, package: str) -> list[str]:
    planned = course.planned.get(package)
    return [need for need in planned.needs if need in course.worked] if planned else []


def _critical(course: Course) -> Iterator[str]:
    waiting = list(course.worked)
    while waiting:
        last = max(waiting, key=lambda name: course.build(name).end)
        yield last
        waiting = _needs(course, last)
