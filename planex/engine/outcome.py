# SPDX-License-Identifier: LGPL-2.1-or-later
"""What became of a package in a build."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from planex.distro.project import BOOTSTRAP
from planex.engine.excerpt import excerpt_of
from planex.errors import LoggedError, PlanexError
from planex.events import PackageEnded, Status

NOT_BUILT = (Status.FAILED, Status.SKIPPED, Status.POSTPONED)
"""What leaves a package without a result."""
_SHOWN = 8
"""Failures that are told in full, of several."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The end of one step. ``error`` tells why it failed or was skipped, ``store`` where it came from."""

    package: str
    status: Status
    seconds: float = 0.0
    error: PlanexError | None = None
    store: str = ""

    @property
    def event(self) -> PackageEnded:
        error = self.error
        ended = PackageEnded(self.package, self.status, self.seconds, error.message if error else "", store=self.store)
        if isinstance(error, BuildFailed):
            ended = replace(ended, phase=error.phase, log=str(error.log or ""), tail=error.tail)
        return ended


class SeveralFailed(LoggedError):
    """More than one package did not build: what went wrong with each, one behind the other."""

    def __init__(self, failures: Sequence[BuildFailed]) -> None:
        names = ", ".join(failure.package for failure in failures)
        shown = [failure.told for failure in failures[:_SHOWN]]
        if len(failures) > _SHOWN:
            shown.append(f"... and {len(failures) - _SHOWN} more: see their logs")
        hint = f"mend one, then see it alone: planex build {failures[0].package.removesuffix(BOOTSTRAP)}"
        super().__init__(f"{len(failures)} packages failed: {names}", hint, "\n\n".join(shown))


class BuildFailed(LoggedError):
    """A package did not build. ``phase`` is where it stopped."""

    def __init__(self, package: str, phase: str, cause: PlanexError, log: Path | None) -> None:
        text = cause.tail if isinstance(cause, LoggedError) else ""
        if text and log:
            with suppress(OSError):
                text = excerpt_of(log)
        hint = cause.hint or f"mend it, then: planex build {package.removesuffix(BOOTSTRAP)}"
        super().__init__(f"{package} failed in {phase}: {cause.message}", hint, text, log)
        self.package = package
        self.phase = phase
        self._advice = cause.hint

    @property
    def told(self) -> str:
        """All that is to say of it, where it is one of several."""
        lines = [self.message, self.tail, f"log: {self.log}" if self.log else ""]
        return "\n".join(filter(None, [*lines, f"hint: {self._advice}" if self._advice else ""]))
