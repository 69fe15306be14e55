# SPDX-License-Identifier: LGPL-2.1-or-later
"""What became of the checks of an ISO or an RPM."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from planex.trust.gpg import PublicKey


class Standing(Enum):
    """What became of a check."""

    GOOD = "ok"
    WRONG = "wrong"
    UNKNOWN = "unknown"
    """It could not be made; that is no fault of what is checked."""


@dataclass(frozen=True, slots=True)
class Checked:
    """One thing that was looked at."""

    what: str
    standing: Standing
    text: str


def good(what: str, text: str) -> Checked:
    return Checked(what, Standing.GOOD, text)


def wrong(what: str, text: str) -> Checked:
    return Checked(what, Standing.WRONG, text)


def unknown(what: str, text: str) -> Checked:
    return Checked(what, Standing.UNKNOWN, text)


def signed(what: str, key: PublicKey | None, complaint: Callable[[PublicKey], str], of: str = "") -> Checked:
    """Whether something is signed by a key. ``of``: words before that."""
    if key is None:
        return unknown(what, "not checked: no key was given")
    fault = complaint(key)
    return wrong(what, fault) if fault else good(what, f"{of}signed by {key.user} ({key.short})")
