# SPDX-License-Identifier: LGPL-2.1-or-later
"""Where a shared store is: files by path, in a folder or on a server. What is in them is not looked at here."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from planex.errors import PlanexError


class Unreachable(PlanexError):
    """A place does not answer as it should; the message is the reason alone. ``retry``: another try may go better."""

    def __init__(self, message: str, hint: str | None = None, *, retry: bool = False) -> None:
        super().__init__(message, hint)
        self.retry = retry


class Place(Protocol):
    """Paths are ``cas/<sha256>`` and ``ac/<64 hex>``. Everything raises Unreachable."""

    def read(self, path: str) -> AbstractContextManager[Iterator[bytes] | None]:
        """The bytes of a file in pieces; None where it is not there."""

    def has(self, path: str) -> bool:
        """Whether a file is there."""

    def write(self, path: str, content: Path | bytes, *, replace: bool = False) -> bool:
        """Put a file there, whole or not at all; False where one is there already, which stays unless ``replace``."""
