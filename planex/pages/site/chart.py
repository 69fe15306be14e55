# SPDX-License-Identifier: LGPL-2.1-or-later
"""Small pictures as SVG: how long builds of a package took, and the badge."""

from __future__ import annotations

import re
from collections.abc import Sequence

from planex.pages.site.frame import brief, day
from planex.pages.site.history import FAILED, PackageNight
from planex.pages.web import escaped
from planex.snapshot.nights import Night
from planex.units import clock

_WIDE, _HIGH, _MOST = 600, 90, 120
_COLOURS = {"good": "#2e7d32", "broken": "#c62828", "damaged": "#a84b00", "none": "#57606a"}


def build_chart(nights: Sequence[PackageNight]) -> str:
    """A bar for each build of the last nights; empty where there was none."""
    shown = nights[-_MOST:]
    longest = max((night.package.seconds for night in shown if night.eventful), default=0.0)
    if longest <= 0:
        return ""
    step = _WIDE / len(shown)
    bars = "".join(_bar(night, place * step, step, longest) for place, night in enumerate(shown) if night.eventful)
    words = f"Build times from {day(shown[0].ident)} to {day(shown[-1].ident)}, at most {clock(longest)}"
    return (
        f'<figure><svg viewBox="0 0 {_WIDE} {_HIGH}" preserveAspectRatio="none" role="img" aria-label="{words}">'
        f'<path d="M0 {_HIGH - 0.5}H{_WIDE}"/>{bars}</svg>'
        f"<figcaption><span>{day(shown[0].ident)}</span><span>the highest: {clock(longest)}</span>"
        f"<span>{day(shown[-1].ident)}</span></figcaption></figure>"
    )


def _bar(night: PackageNight, left: float, step: float, longest: float) -> str:
    high = max(2.0, night.package.seconds / longest * (_HIGH - 6))
    wide = min(max(step - 2, step * 0.7), 16)
    kind = ' class="bad"' if night.package.status == FAILED else ""
    title = escaped(f"{brief(night.ident)}: {night.status} in {clock(night.package.seconds)}")
    place = f'x="{left + (step - wide) / 2:.1f}" y="{_HIGH - high:.1f}" width="{wide:.1f}" height="{high:.1f}"'
    return f"<rect{kind} {place}><title>{title}</title></rect>"


def badge(target: str, night: Night | None) -> str:
    """The newest state for a page elsewhere."""
    state = "none" if night is None else str(night.snapshot.state) if night.snapshot else "damaged"
    left, right = xml(target), f"{state} {day(night.ident)}" if night else "no snapshots yet"
    one, two = _width(target), _width(right)
    label = f"{left}: {right}"
    return f"""<svg xmlns="http://www.w3.org/2000/svg" width="{one + two}" height="20" role="img" aria-label="{label}">
<title>{label}</title>
<clipPath id="r"><rect width="{one + two}" height="20" rx="3"/></clipPath>
<g clip-path="url(#r)"><path fill="#3b434c" d="M0 0h{one}v20H0z"/>
<path fill="{_COLOURS[state]}" d="M{one} 0h{two}v20H{one}z"/></g>
<g fill="#fff" font-family="system-ui,DejaVu Sans,Verdana,sans-serif" font-size="11">
<text x="6" y="14" textLength="{one - 12}">{left}</text>
<text x="{one + 6}" y="14" textLength="{two - 12}">{right}</text></g>
</svg>
"""


def _width(text: str) -> int:
    return 12 + round(6.5 * len(text))


def xml(text: str) -> str:
    """Any text as text of XML, which has fewer characters than HTML."""
    return escaped(re.sub("[\ufffe\uffff]", "\ufffd", text))
