# SPDX-License-Identifier: LGPL-2.1-or-later
"""Who works tells a Reporter what happens; it makes events of that and hands them to listeners."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from planex.events import Event, Level, Message, PhaseBegan, TaskAdvanced, TaskBegan, TaskEnded, TaskSaid, Unit

Listener = Callable[[Event], None]

PAUSE = 0.2
"""Seconds between two events of a task's progress: a download counts every piece, and nobody reads so many."""

_numbers = itertools.count(1)


class Task:
    """Something under way: a package being built, a file being fetched."""

    def __init__(self, reporter: Reporter, name: str) -> None:
        self.name = name
        self.started = time.monotonic()
        self.number = next(_numbers)
        self._reporter = reporter
        self._phase = ""
        self._told = 0.0

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.started

    @property
    def current_phase(self) -> str:
        return self._phase or "preparation"

    def phase(self, phase: str) -> None:
        """Enter a phase (``fetch``, ``buildroot``, ``%build``, ...)."""
        if phase != self._phase:
            self._phase, self._told = phase, 0.0
            self._reporter.tell(PhaseBegan(self.number, self.name, phase))

    def progress(self, done: int, total: int, unit: Unit = Unit.ITEMS) -> None:
        """How far the phase is; ``total`` is 0 where nobody knows it."""
        now = time.monotonic()
        if done == total or now - self._told >= PAUSE:
            self._told = now
            self._reporter.tell(TaskAdvanced(self.number, self.name, done, total, unit))

    def said(self, line: str) -> None:
        """A program of the task printed a line."""
        if line.strip():
            self._reporter.tell(TaskSaid(self.number, self.name, line))


class Reporter:
    """Hands events to its listeners, one event at a time, whichever thread it comes from."""

    def __init__(self, *listeners: Listener) -> None:
        self._listeners = listeners
        self._lock = threading.RLock()  # an interrupted listener's task still ends

    def listen(self, listener: Listener) -> None:
        """Let one more have every event from now on, before those that listen already: a terminal may be gone."""
        with self._lock:
            self._listeners = (listener, *self._listeners)

    @contextmanager
    def listening(self, listener: Listener) -> Iterator[None]:
        """Let one more have the events of a while."""
        self.listen(listener)
        try:
            yield
        finally:
            with self._lock:
                self._listeners = tuple(each for each in self._listeners if each is not listener)

    def tell(self, event: Event) -> None:
        with self._lock:
            for listener in self._listeners:
                listener(event)

    def remark(self, text: str) -> None:
        self.tell(Message(Level.REMARK, text))

    def info(self, text: str) -> None:
        self.tell(Message(Level.INFO, text))

    def success(self, text: str) -> None:
        self.tell(Message(Level.SUCCESS, text))

    def failure(self, text: str) -> None:
        self.tell(Message(Level.FAILURE, text))

    def warn(self, text: str) -> None:
        self.tell(Message(Level.WARNING, text))

    def error(self, text: str) -> None:
        self.tell(Message(Level.ERROR, text))

    def plain(self, text: str) -> None:
        self.tell(Message(Level.PLAIN, text))

    @contextmanager
    def task(self, name: str) -> Iterator[Task]:
        """Something is under way until the context ends."""
        task = Task(self, name)
        self.tell(TaskBegan(task.number, name))
        try:
            yield task
        finally:
            self.tell(TaskEnded(task.number, name, task.seconds))
