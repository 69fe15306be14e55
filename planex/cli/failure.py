# SPDX-License-Identifier: LGPL-2.1-or-later
"""How an error looks on the terminal."""

from __future__ import annotations

from planex.errors import ENOUGH, CommandFailed, ConfigError, LoggedError, PlanexError
from planex.report import Reporter

MAX_PROBLEMS = 30
"""Problems shown of those that were found: more than fill a screen are not mended one by one."""


def show(error: PlanexError, reporter: Reporter) -> None:
    """Print what went wrong, the last lines of output, the log and the next thing to type."""
    if isinstance(error, ConfigError) and len(error.problems) > 1:
        for problem in error.problems[:MAX_PROBLEMS]:
            reporter.error(str(problem))
        least = "at least " if len(error.problems) >= ENOUGH else ""
        shown = f", the first {MAX_PROBLEMS} are shown" if len(error.problems) > MAX_PROBLEMS else ""
        reporter.plain(f"{least}{len(error.problems)} problems found{shown}; nothing was done.")
    else:
        reporter.error(error.message)
    if isinstance(error, LoggedError):
        if error.tail:
            reporter.plain("\n".join(f"    {line}" for line in error.tail.splitlines()))
        if error.log:
            reporter.plain(f"log:     {error.log}")
    if isinstance(error, CommandFailed):
        reporter.plain(f"command: {error.command}")
    if error.hint:
        reporter.plain(f"hint:    {error.hint}")
