# SPDX-License-Identifier: LGPL-2.1-or-later
"""Events on standard error: a live view on a terminal, plain lines elsewhere."""

from __future__ import annotations

import os
import re
import time
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from planex.cli.failure import told
from planex.cli.progress import Progress, TaskRow
from planex.events import (
    BaseMade,
    Event,
    IsoMade,
    IsoPlanned,
    Level,
    Message,
    PackageEnded,
    PackageLeftOut,
    PackagePlanned,
    PhaseBegan,
    RunEnded,
    RunFailed,
    Status,
    TaskBegan,
    TaskEnded,
)
from planex.printable import few, printable, shortened, without_passwords
from planex.units import clock

if TYPE_CHECKING:
    from rich.console import Console, Group
    from rich.live import Live

_MARGIN = 2
_LOOKS = {
    Level.REMARK: (1, "[dim]{}[/dim]"),
    Level.INFO: (0, "{}"),
    Level.SUCCESS: (0, "[green]{}[/green]"),
    Level.FAILURE: (0, "[red]{}[/red]"),
    Level.WARNING: (-1, "[yellow]warning:[/yellow] {}"),
    Level.ERROR: (-1, "[bold red]error:[/bold red] {}"),
    Level.PLAIN: (-1, "{}"),
}
"""The least verbosity that shows a message, and rich's markup for it."""


class Terminal:
    """The only writer to standard error. Verbosity: -1 errors only, 0 normal, 1 also phases and remarks."""

    def __init__(self, verbosity: int = 0, console: Console | None = None) -> None:
        self.verbosity = verbosity
        self._given = console
        self._here = _paths_below_here()
        self._progress = Progress()
        self._live: Live | None = None

    @cached_property
    def _console(self) -> Console:
        from rich.console import Console  # much of what is asked has nothing to say here

        return self._given or Console(stderr=True, highlight=False, soft_wrap=True, emoji=False)

    def __call__(self, event: Event) -> None:
        """Show an event, if it is one that is shown."""
        self._progress(event)
        match event:
            case Message(level=level, text=text):
                self._say(level, text)
            case TaskBegan():
                self._start_live()
            case PhaseBegan(task=task, name=name, phase=phase):
                self._phase_began(self._progress.tasks.get(task, TaskRow(name, phase=phase)))
            case TaskEnded():
                self._stop_live()
            case PackageLeftOut() | PackagePlanned() | PackageEnded():
                self._package(event)
                self._stop_live()
            case RunEnded():
                self._end_live()
            case BaseMade() | IsoPlanned() | IsoMade():
                self._made(event)
            case RunFailed():
                self._end_live()
                for level, text in told(event):
                    self._say(level, text)

    def _package(self, event: PackageLeftOut | PackagePlanned | PackageEnded) -> None:
        match event:
            case PackageLeftOut(package=package, reason=reason):
                self._say(Level.INFO, f"{'skip':9}  {package}  ({reason})")
            case PackagePlanned(package=package, action="build"):
                self._say(Level.INFO, f"{'build':9}  {package}  ({few(event.reasons)})")
            case PackageEnded(status=Status.FAILED | Status.SKIPPED as status, reason=reason):
                if reason:
                    self._say(Level.FAILURE, f"{status.value:9}  {reason}")
            case PackageEnded(status=Status.POSTPONED as status, reason=reason):
                if reason:
                    self._say(Level.INFO, f"{status.value:9}  {reason}")
            case PackageEnded(package=package, status=Status.TAKEN as status, seconds=seconds, store=store):
                self._say(Level.SUCCESS, f"{status.value:9}  {package}  {clock(seconds)}  from store {store}")
            case PackageEnded(package=package, status=status, seconds=seconds):
                self._say(Level.SUCCESS, f"{status.value:9}  {package}  {clock(seconds)}")

    def _made(self, event: BaseMade | IsoPlanned | IsoMade) -> None:
        match event:
            case BaseMade(packages=packages, seconds=seconds):
                self._say(Level.SUCCESS, f"base: {packages} packages ({clock(seconds)})")
            case IsoPlanned(iso=iso, reasons=reasons):
                self._say(Level.INFO, f"{'build':9}  {iso}  ({', '.join(reasons)})")
            case IsoMade(iso=iso, size=size, seconds=seconds):
                self._say(Level.SUCCESS, f"{iso}: {size / 1e6:.0f} MB ({clock(seconds)})")

    def _say(self, level: Level, text: str) -> None:
        least, look = _LOOKS[level]
        self._print(look, shortened(without_passwords(text)), least)

    def _print(self, look: str, text: str, least: int) -> None:
        if self.verbosity >= least:
            from rich.markup import escape

            self._console.print(printable(self._here.sub("", look.format(escape(text)))))

    def _phase_began(self, row: TaskRow) -> None:
        if self._live is None:
            self._print("[dim]{}[/dim]", row.line(), 1)

    def _start_live(self) -> None:
        if self._live is not None or self.verbosity < 0:
            return
        console = self._console
        if console.is_terminal and not console.is_dumb_terminal:
            from rich.live import Live

            self._live = Live(console=console, get_renderable=self._view, refresh_per_second=4, transient=True)
            self._live.start()

    def _stop_live(self) -> None:
        """Between two tasks of a build the view stays: it would come and go."""
        if not self._progress.tasks and not self._progress.outstanding:
            self._end_live()

    def _end_live(self) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None

    def _view(self) -> Group:
        from rich.console import Group
        from rich.text import Text

        lines = self._progress.lines(self._console.width - _MARGIN, time.monotonic(), os.getloadavg()[0])
        shown = (Text.assemble(" " * _MARGIN, (text, "cyan"), (dim, "dim"), no_wrap=True) for text, dim in lines)
        return Group(*shown)


def _paths_below_here() -> re.Pattern[str]:
    """Paths below this folder are shown as a person would type them; those in commands and URLs stay whole."""
    try:
        here = re.escape(f"{Path.cwd()}/".replace("//", "/"))
    except OSError:  # the current folder was deleted
        here = ""
    return re.compile(rf"(?<=[\s:(]){here}(?=\S)|^{here}(?=\S)" if len(here) > 1 else "(?!)")
