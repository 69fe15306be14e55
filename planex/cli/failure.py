# SPDX-License-Identifier: LGPL-2.1-or-later
"""How an error looks: as an event, and as lines on the terminal."""

from __future__ import annotations

from collections.abc import Iterator

from planex.errors import ENOUGH, CommandFailed, ConfigError, LoggedError, PlanexError
from planex.events import Level, RunFailed

MAX_PROBLEMS = 30
"""Problems shown of those that were found: more than fill a screen are not mended one by one."""


def failed(error: PlanexError) -> RunFailed:
    """An error as the event that it ends the run."""
    logged = error if isinstance(error, LoggedError) else None
    return RunFailed(
        message=error.message,
        problems=tuple(map(str, error.problems)) if isinstance(error, ConfigError) else (),
        tail=logged.tail if logged else "",
        log=str(logged.log) if logged and logged.log else "",
        command=error.command if isinstance(error, CommandFailed) else "",
        hint=error.hint or "",
    )


def told(event: RunFailed) -> Iterator[tuple[Level, str]]:
    """What went wrong, the last lines of output, the log and the next thing to type."""
    found = len(event.problems)
    if found > 1:
        yield from ((Level.ERROR, problem) for problem in event.problems[:MAX_PROBLEMS])
        least = "at least " if found >= ENOUGH else ""
        shown = f", the first {MAX_PROBLEMS} are shown" if found > MAX_PROBLEMS else ""
        yield Level.PLAIN, f"{least}{found} problems found{shown}; nothing was done."
    else:
        yield Level.ERROR, event.message
    if event.tail:
        yield Level.PLAIN, "\n".join(f"    {line}" for line in event.tail.splitlines())
    for title, text in (("log:     ", event.log), ("command: ", event.command), ("hint:    ", event.hint)):
        if text:
            yield Level.PLAIN, title + text
