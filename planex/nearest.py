# SPDX-License-Identifier: LGPL-2.1-or-later
"""The nearest known word to one that is not known."""

from __future__ import annotations

from collections.abc import Sequence


def did_you_mean(word: str, known: Sequence[str]) -> str:
    """`` (did you mean 'x'?)`` for the closest known word, or nothing."""
    import difflib  # a mistake may take a moment longer

    close = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    return f" (did you mean '{close[0]}'?)" if close else ""
