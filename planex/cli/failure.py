# SPDX-License-Identifier: LGPL-2.1-or-later
"""How an error looks on the terminal."""

from __future__ import annotations

from planex.errors import CommandFailed, ConfigError, LoggedError, PlanexError
from planex.report import Reporter


def show(error: PlanexError, reporter: Reporter) -> None:
    """Print what went wrong, the last lines of output, the log and the next thing to type."""
    if isinstance(error, ConfigError) and len(error.problems) > 1:
        for problem in error.problems:
            reporter.error(str(problem))
        reporter.plain(f"{len(error.problems)} problems found; nothing was done.")
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
