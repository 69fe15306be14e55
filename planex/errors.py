# SPDX-License-Identifier: LGPL-2.1-or-later
"""The one family of errors. Libraries raise them; only ``planex.cli`` prints them and exits."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from traceback import walk_tb

ENOUGH = 1000
"""Problems in one file after which its reader may stop looking for more."""


class PlanexError(Exception):
    """Work failed for a reason that the user can act on.

    ``message`` says what went wrong and where, ``hint`` what to do or type next.
    ``exit_code`` is the status of the process: 1 work failed, 2 usage or configuration.
    """

    exit_code = 1

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake in a file that a person wrote. ``line`` counts from 1; 0 means the file as a whole."""

    path: Path
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.message}" if self.line else f"{self.path}: {self.message}"


class ConfigError(PlanexError):
    """What the user wrote cannot be used. Carries every problem that was found, not only the first."""

    exit_code = 2

    def __init__(self, problems: Sequence[Problem] | str, hint: str | None = None) -> None:
        self.problems = () if isinstance(problems, str) else tuple(problems)
        message = problems if isinstance(problems, str) else "\n".join(str(problem) for problem in problems)
        super().__init__(message, hint)


def keep_or_raise(found: Mapping[str, ConfigError], broken: dict[str, ConfigError] | None) -> None:
    """Put faults of packages, by name, into ``broken``; where nobody keeps them, raise all as one."""
    if broken is not None:
        broken.update(found)
    elif found:
        raise joined(found.values())


def joined(errors: Iterable[ConfigError]) -> ConfigError:
    """All problems of several errors in one; with a hint if they agree on it."""
    errors = list(errors)
    hints = dict.fromkeys(error.hint for error in errors)
    messages = dict.fromkeys(error.message for error in errors)
    told = [one for one in messages if not any(other.startswith(f"{one}\n") for other in messages)]
    found = ConfigError("\n".join(told))
    found.hint = next(iter(hints)) if len(hints) == 1 else None
    if all(error.problems for error in errors):  # else some would be told and the others not
        found.problems = tuple(problem for error in errors for problem in error.problems)
    return found


class MissingTool(PlanexError):
    """A program that planex needs is not on this machine."""

    exit_code = 2


class LoggedError(PlanexError):
    """Something with a log went wrong. ``tail``: the last lines of output; ``log``: the file with all of it."""

    def __init__(self, message: str, hint: str | None = None, tail: str = "", log: Path | None = None) -> None:
        super().__init__(message, hint)
        self.tail = tail
        self.log = log


class LimitReached(LoggedError):
    """A subprocess was ended because it used more than it may."""


class CommandFailed(LoggedError):
    """A subprocess ended badly."""

    def __init__(
        self,
        argv: Sequence[str],
        returncode: int,
        tail: str = "",
        log: Path | None = None,
        hint: str | None = None,
        program: str | None = None,
    ) -> None:
        super().__init__(f"{program or argv[0]} failed with exit status {returncode}", hint, tail, log)
        self.argv = tuple(argv)
        self.returncode = returncode

    @property
    def command(self) -> str:
        """The command as a line that can be pasted into a shell."""
        return shlex.join(self.argv)


def line_of(error: BaseException, file: str) -> int:
    """Line of the innermost code from ``file`` that an error came through, 0 if there is none."""
    lines = [line for frame, line in walk_tb(error.__traceback__) if frame.f_code.co_filename == file]
    return lines[-1] if lines else 0
