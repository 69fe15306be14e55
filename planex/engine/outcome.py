# SPDX-License-Identifier: LGPL-2.1-or-later
"""What became of a package in a build."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from planex.distro.project import BOOTSTRAP
from planex.errors import LoggedError, PlanexError
from planex.events import PackageEnded, Status


@dataclass(frozen=True, slots=True)
class Outcome:
    """The end of one step. ``error`` tells why it failed or was skipped."""

    package: str
    status: Status
    seconds: float = 0.0
    error: PlanexError | None = None

    @property
    def event(self) -> PackageEnded:
        error = self.error
        ended = PackageEnded(self.package, self.status, self.seconds, error.message if error else "")
        if isinstance(error, BuildFailed):
            ended = replace(ended, phase=error.phase, log=str(error.log or ""), tail=error.tail)
        return ended


class BuildFailed(LoggedError):
    """A package did not build. ``phase`` is where it stopped."""

    def __init__(self, package: str, phase: str, cause: PlanexError, log: Path | None) -> None:
        text = cause.tail if isinstance(cause, LoggedError) else ""
        hint = cause.hint or f"mend it, then: planex build {package.removesuffix(BOOTSTRAP)}"
        super().__init__(f"{package} failed in {phase}: {cause.message}", hint, text, log)
        self.package = package
        self.phase = phase
