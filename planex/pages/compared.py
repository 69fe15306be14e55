# SPDX-License-Identifier: LGPL-2.1-or-later
"""What differs between two results of a package, as text. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from planex.engine.compared import RpmChange

_SHOWN = 100
"""Lines of one RPM."""


def compared_text(changes: Sequence[RpmChange]) -> str:
    """An RPM a paragraph."""
    return "\n".join(line for change in changes for line in (change.name, *_few(change.lines)))


def _few(lines: Sequence[str]) -> list[str]:
    more = [f"  ... and {len(lines) - _SHOWN} more"] if len(lines) > _SHOWN else []
    return [*(f"  {line}" for line in lines[:_SHOWN]), *more]
