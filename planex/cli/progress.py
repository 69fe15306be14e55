# SPDX-License-Identifier: LGPL-2.1-or-later
"""What is under way, as the lines of a live view: made of events, asked for a width and a moment. Pure.

Nothing jumps: columns have fixed places, a task keeps its line, and a line that became free is the next one's.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field

from planex.events import (
    BuildBegan,
    Event,
    PackageEnded,
    PackagePlanned,
    PhaseBegan,
    TaskAdvanced,
    TaskBegan,
    TaskEnded,
    TaskSaid,
    Unit,
)
from planex.printable import printable, without_passwords
from planex.units import clock

_NAME, _PHASE, _TIME = 20, 14, 7
_NARROW = 60
"""Columns below which names and phases have less, and what programs say is left out."""
_NARROW_NAME, _NARROW_PHASE = 16, 9
_LEAST_NAME = 8

Line = tuple[str, str]
"""A line of the view: what it says, and behind that what is shown dimmed."""


@dataclass
class TaskRow:
    """A task under way."""

    name: str
    started: float = field(default_factory=time.monotonic)
    phase: str = ""
    progress: str = ""
    said: str = ""

    def line(self, now: float | None = None) -> str:
        """All of it as a line of a log."""
        seconds = (time.monotonic() if now is None else now) - self.started
        return _plain(f"{self.name:20}  {self.phase:16}  {clock(seconds):>12}  {self.progress}").rstrip()


@dataclass
class Progress:
    """What events told so far."""

    tasks: dict[int, TaskRow] = field(default_factory=dict)
    jobs: int = 1
    _slots: list[int | None] = field(default_factory=list)
    """Tasks by their line in the view."""
    _planned: dict[str, PackagePlanned] = field(default_factory=dict)
    """Packages to build, in an order in which they can be built."""
    _done: set[str] = field(default_factory=set)
    _building: bool = False

    _name: int = _LEAST_NAME
    """Characters of the longest name."""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, event: Event) -> None:
        """Learn what an event tells; another thread may be asking for the view."""
        with self._lock:
            self._learn(event)

    def _learn(self, event: Event) -> None:
        match event:
            case TaskBegan(task=task, name=name):
                self.tasks[task] = TaskRow(name, event.monotonic)
                self._seat(task)
                self._name = max(self._name, len(name))
            case PhaseBegan(task=task, phase=phase) if row := self.tasks.get(task):
                row.phase, row.progress, row.said = phase, "", ""
            case TaskAdvanced(task=task) if row := self.tasks.get(task):
                row.progress = progress_text(event)
            case TaskSaid(task=task, line=line) if row := self.tasks.get(task):
                row.said = line
            case TaskEnded(task=task):
                self.tasks.pop(task, None)
                self._slots = [None if each == task else each for each in self._slots]
            case PackagePlanned(package=package, action="build"):
                self._planned[package] = event
                self._done.discard(package)  # of an earlier round of the same run
                self._name = max(self._name, len(package))
            case PackageEnded(package=package):
                self._done.add(package)
            case BuildBegan(jobs=jobs):
                self.jobs, self._building = jobs, True

    @property
    def outstanding(self) -> int:
        """Packages of a build under way that have not ended."""
        return len(self._planned.keys() - self._done) if self._building else 0

    def lines(self, width: int, now: float, load: float | None = None) -> list[Line]:
        """The view: a line for each task, and one for the whole build. ``load``: of the machine."""
        with self._lock:
            if not self.tasks and not self.outstanding:
                return []
            rows = [self.tasks.get(task) if task is not None else None for task in self._slots]
            lines = [self._row(row, width, now) if row else ("", "") for row in rows]
            return [*lines, *([(self._summary(width, now, load), "")] if self._building else [])]

    def time_left(self, now: float) -> float | None:
        """Seconds to the end of the build, by what packages took last; None where that is not known of one."""
        started = {row.name: row.started for row in self.tasks.values()}
        ends: dict[str, float] = {}
        total = 0.0
        for name, plan in self._planned.items():
            if name in self._done:
                continue
            if not plan.seconds:
                return None
            own = max(0.0, plan.seconds - (now - started.get(name, now)))
            ends[name] = own + max((ends.get(need, 0.0) for need in plan.needs), default=0.0)
            total += own
        return max([total / self.jobs, *ends.values()])

    def _seat(self, task: int) -> None:
        if None in self._slots:
            self._slots[self._slots.index(None)] = task
        else:
            self._slots.append(task)

    def _row(self, row: TaskRow, width: int, now: float) -> Line:
        narrow = width < _NARROW
        name = min(self._name, _NARROW_NAME if narrow else _NAME)
        phase = _NARROW_PHASE if narrow else _PHASE
        before = f"{_cell(row.name, name)}  {_cell(row.phase, phase)}  {_stopwatch(now - row.started):>{_TIME}}"
        room = width - len(before) - 2
        if narrow or room < 1:
            return _cut(before, width), ""
        behind = (row.progress, "") if row.progress else ("", row.said)
        text, dim = (_cut(_plain(words), room) for words in behind)
        return f"{before}  {text}", dim

    def _summary(self, width: int, now: float, load: float | None) -> str:
        """As many of its parts as there is room for, from the most wanted on."""
        count = len(self._planned)
        parts = [f"{len(self._done & self._planned.keys())} of {count} package{'s' * (count != 1)}"]
        if (left := self.time_left(now)) is not None and self.outstanding:
            parts.append(f"about {_rough(left)} left")
        parts += [f"{len(self.tasks)} at once"] if self.tasks else []
        parts += [] if load is None else [f"load {load:.1f}"]
        while len(parts) > 1 and len(", ".join(parts)) > width:
            parts.pop()
        return _cut(", ".join(parts), width)


def progress_text(event: TaskAdvanced) -> str:
    """``42 % of 3.1 MB``, ``3.1 MB`` or ``3 of 10``."""
    if event.unit is Unit.ITEMS:
        return f"{event.done} of {event.total}"
    if event.total:
        return f"{event.done * 100 // event.total} % of {event.total / 1e6:.1f} MB"
    return f"{event.done / 1e6:.1f} MB"


def _plain(text: str) -> str:
    return printable(without_passwords(text).replace("\n", " ").replace("\t", " "))


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else f"{text[: max(0, width - 1)]}…"


def _cell(text: str, width: int) -> str:
    return f"{_cut(_plain(text), width):{width}}"


def _stopwatch(seconds: float) -> str:
    """``0:07``, ``3:07``, ``1:03:07``: it is always as wide, or nearly."""
    minutes, rest = divmod(max(0, int(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def _rough(seconds: float) -> str:
    """``5 s``, ``40 s``, ``3 min``, ``2 h 05 min``: no more than is known."""
    if seconds < 60:
        return f"{max(5, round(seconds / 5) * 5)} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"
