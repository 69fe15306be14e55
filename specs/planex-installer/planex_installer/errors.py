# SPDX-License-Identifier: LGPL-2.1-or-later
"""What ends an installation, in words for whoever installs."""

from __future__ import annotations

from collections.abc import Iterable


class InstallError(Exception):
    """An installation cannot be done, or cannot go on; the message says why."""


class Refused(InstallError):
    """The answers cannot be followed. Nothing was written to any disk."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))
