# SPDX-License-Identifier: LGPL-2.1-or-later
"""Events to a file, a line of JSON each."""

from __future__ import annotations

from pathlib import Path

from planex.disk import DiskError, explain, naming
from planex.events import Event, TaskSaid
from planex.pages.eventlines import event_line


class EventFile:
    """A listener that begins a file anew; each line is there as soon as it happened.

    The work goes on where a line cannot be written: ``problem`` is then why, and no more is written.
    """

    def __init__(self, path: Path) -> None:
        self.problem: DiskError | None = None
        self._path = path
        with naming(path, "write"):
            self._file = path.open("w", encoding="utf-8", buffering=1)

    def __call__(self, event: Event) -> None:
        if self.problem is None and not isinstance(event, TaskSaid):
            try:
                self._file.write(f"{event_line(event)}\n")
            except OSError as error:
                self.problem = explain(error, "write", self._path)

    def close(self) -> None:
        try:
            self._file.close()
        except OSError as error:
            self.problem = self.problem or explain(error, "write", self._path)
