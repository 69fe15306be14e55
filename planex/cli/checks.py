# SPDX-License-Identifier: LGPL-2.1-or-later
"""Checks of an ISO or an RPM as lines and as rows of JSON, and the exit status that they make."""

from __future__ import annotations

from collections.abc import Sequence

from planex.errors import PlanexError
from planex.host.checked import Checked, Standing
from planex.units import many


def checks_text(checked: Sequence[Checked]) -> str:
    """A line each, in columns."""
    width = max(len(each.what) for each in checked)
    return "\n".join(_line(each, width) for each in checked)


def _line(each: Checked, width: int) -> str:
    text = each.text.replace("\n", "\n" + " " * (width + 11))
    return f"{each.standing.value:7}  {each.what:{width}}  {text}"


def rows(checked: Sequence[Checked]) -> list[dict[str, str]]:
    return [{"what": each.what, "standing": each.standing.value, "text": each.text} for each in checked]


def raise_wrong(name: str, checked: Sequence[Checked]) -> None:
    """PlanexError where something is wrong."""
    if wrong := sum(each.standing is Standing.WRONG for each in checked):
        raise PlanexError(f"{name} is not to be trusted: {many(wrong, 'check')} failed")
