# SPDX-License-Identifier: LGPL-2.1-or-later
"""Progress and logs on standard error: a live view on a terminal, plain lines elsewhere."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console, Group
from rich.live import Live
from rich.markup import escape
from rich.text import Text

from planex.printable import printable, shortened, without_passwords
from planex.units import clock


class Task:
    """Something under way: a package being built, a file being fetched. Its line shows phase and elapsed time."""

    def __init__(self, reporter: Reporter, name: str) -> None:
        self.name = name
        self.started = time.monotonic()
        self._reporter = reporter
        self._phase = ""
        self._detail = ""

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.started

    @property
    def current_phase(self) -> str:
        return self._phase or "preparation"

    def phase(self, phase: str) -> None:
        """Enter a phase (``fetch``, ``buildroot``, ``%build``, ...)."""
        if phase != self._phase:
            self._phase, self._detail = phase, ""
            self._reporter.phase_began(self)

    def detail(self, detail: str) -> None:
        """Replace the short remark behind the phase (``42 %``)."""
        self._detail = detail

    def line(self) -> str:
        words = f"{self.name:20}  {self._phase:16}  {clock(self.seconds):>12}  {self._detail}"
        return printable(words.replace("\n", " ")).rstrip()


class Reporter:
    """The only writer to standard error. Verbosity: -1 errors only, 0 normal, 1 also phases and remarks."""

    def __init__(self, verbosity: int = 0, console: Console | None = None) -> None:
        self.console = console or Console(stderr=True, highlight=False, soft_wrap=True, emoji=False)
        self.verbosity = verbosity
        self._here = _paths_below_here()
        self._tasks: list[Task] = []
        self._lock = threading.Lock()
        self._live: Live | None = None

    def info(self, text: str) -> None:
        """A step began or ended."""
        self._print(_shown(text), 0)

    def remark(self, text: str) -> None:
        """Something only the curious want (``-v``)."""
        self._print(f"[dim]{_shown(text)}[/dim]", 1)

    def success(self, text: str) -> None:
        self._print(f"[green]{_shown(text)}[/green]", 0)

    def failure(self, text: str) -> None:
        """Something went wrong that is explained later."""
        self._print(f"[red]{_shown(text)}[/red]", 0)

    def warn(self, text: str) -> None:
        self._print(f"[yellow]warning:[/yellow] {_shown(text)}", -1)

    def error(self, text: str) -> None:
        self._print(f"[bold red]error:[/bold red] {_shown(text)}", -1)

    def plain(self, text: str) -> None:
        """Text as it is, whatever the verbosity: the end of a log, a hint."""
        self._print(_shown(text), -1)

    @contextmanager
    def task(self, name: str) -> Iterator[Task]:
        """Show something as under way until the context ends."""
        task = Task(self, name)
        with self._lock:
            self._tasks.append(task)
            self._start_live()
        try:
            yield task
        finally:
            with self._lock:
                self._tasks.remove(task)
                self._stop_live()

    def phase_began(self, task: Task) -> None:
        if self._live is None:
            self._print(f"[dim]{escape(task.line())}[/dim]", 1)

    def _print(self, markup: str, level: int) -> None:
        if self.verbosity >= level:
            self.console.print(printable(self._here.sub("", markup)))

    def _start_live(self) -> None:
        if self._live is None and self.console.is_terminal and self.verbosity >= 0:
            self._live = Live(console=self.console, get_renderable=self._view, refresh_per_second=4, transient=True)
            self._live.start()

    def _stop_live(self) -> None:
        if self._live is not None and not self._tasks:
            self._live.stop()
            self._live = None

    def _view(self) -> Group:
        return Group(*(Text("  " + task.line(), style="cyan", no_wrap=True) for task in list(self._tasks)))


def _shown(text: str) -> str:
    """What is shown of a text, as rich's markup."""
    return escape(shortened(without_passwords(text)))


def _paths_below_here() -> re.Pattern[str]:
    """Paths below this folder are shown as a person would type them; those in commands and URLs stay whole."""
    try:
        here = re.escape(f"{Path.cwd()}/".replace("//", "/"))
    except OSError:  # the current folder was deleted
        here = ""
    return re.compile(rf"(?<=[\s:(]){here}(?=\S)|^{here}(?=\S)" if len(here) > 1 else "(?!)")
