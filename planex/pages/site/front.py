# SPDX-License-Identifier: LGPL-2.1-or-later
"""The front page: the newest state in a sentence, the last nights, what to do, the channels; and all nights."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

from planex.pages.site.frame import (
    Site,
    brief,
    chip,
    day,
    document,
    folded,
    link,
    night_page,
    package_page,
    rows,
    said,
    state_of_night,
    what,
    what_of,
)
from planex.pages.site.history import FAILED, PackageNight, failing_since
from planex.pages.web import escaped
from planex.snapshot.nights import ChannelLead, Night
from planex.snapshot.record import PartReport, PartStatus, Snapshot
from planex.units import clock, many

STRIP = 60
"""Nights on the front page."""
_MOST = 25
"""Failed packages that are told there; the night's page has all."""


@dataclass(frozen=True)
class FrontPage:
    """``histories``: of all packages."""

    site: Site
    histories: dict[str, list[PackageNight]]

    @property
    def newest(self) -> Snapshot | None:
        return self.site.nights.readable[-1] if self.site.nights.readable else None

    def text(self) -> str:
        return document(self.site, "index.html", "Today", self._body())

    def data(self) -> dict[str, Any]:
        """The same for programs."""
        newest = self.newest
        return {
            "title": self.site.nights.title,
            "target": self.site.nights.target,
            "sentence": self.sentence,
            "state": str(newest.state) if newest else "none",
            "newest": newest.id if newest else None,
            "needs": [{"name": name, "status": status, "text": text} for name, status, text in self._needed()],
            "channels": [{"name": lead.name, "leads": lead.ident} for lead in self.site.nights.channels],
            "nights": [night_row(night) for night in self.site.nights.nights[-STRIP:]],
            "damaged": {night.ident: night.fault for night in self.site.nights.damaged},
        }

    @property
    def sentence(self) -> str:
        """The newest state."""
        newest = self.newest
        if newest is None:
            return "There are no snapshots yet."
        if newest.good:
            return f"{brief(newest.id)} is good: {holds(newest)}, made in {clock(newest.seconds)}."
        bad = len(list(takewhile(lambda one: not one.good, reversed(self.site.nights.readable))))
        good = [one.id for one in self.site.nights.readable if one.good]
        since = f", as {'was the night' if bad == 2 else f'were the {bad - 1} nights'} before" if bad > 1 else ""
        last = f"the last good one is {brief(good[-1])}" if good else "none was good so far"
        by = ", ".join(newest.broken_by) or "what was left out"
        return f"{brief(newest.id)} is broken by {by}{since}; {last}."

    def _body(self) -> Iterator[str]:
        newest = self.newest
        state = str(newest.state) if newest else "none"
        yield f'<h1 class="state {state}">{said(self.sentence)}</h1>'
        if newest:
            words = f"{newest.commit[:12]} {newest.subject}{' (and changes to it)' if newest.dirty else ''}"
            yield f'<p class="soft">{link(night_page(newest.id), newest.id)} {said(words)}</p>'
        yield from self._damaged()
        yield f'<h2 id="nights">The last {many(min(STRIP, len(self.site.nights.nights)), "night")}</h2>'
        yield strip(self.site.nights.nights[-STRIP:])
        yield from self._today()
        yield from self._channels()

    def _damaged(self) -> Iterator[str]:
        if found := self.site.nights.damaged:
            verb = "s that cannot be read" if len(found) > 1 else " that cannot be read"
            items = (f"{link(night_page(night.ident), night.ident)} {said(night.fault)}" for night in found)
            yield f'<section class="note">{len(found)} record{verb}:\n{rows(items)}</section>'

    def _today(self) -> Iterator[str]:
        yield '<h2 id="today">What needs a person</h2>'
        newest = self.newest
        looks = self._looks
        if newest is None or not (looks or self._failed):
            yield '<p class="none">Nothing today.</p>'
            return
        if looks:
            yield rows(part_row(self.site, newest, part) for part in looks)
        if self._failed:
            yield f"<h3>{many(len(self._failed), 'package')} failed</h3>"
            yield rows(self._package(night) for night in self._failed[:_MOST])
        if (more := len(self._failed) - _MOST) > 0:
            words = f"and {many(more, 'package')} more"
            yield f"<p>{link(night_page(newest.id) + '#packages', words)}</p>"

    @property
    def _looks(self) -> list[PartReport]:
        """What did not work, and what has something to say: that a version is out, though nothing is in its way."""
        wanted = (PartStatus.FAILED, PartStatus.LOOK)
        return [part for part in self.newest.parts if part.status in wanted or part.message] if self.newest else []

    @property
    def _failed(self) -> list[PackageNight]:
        newest = self.newest
        ended = [nights[-1] for nights in self.histories.values()]
        return [night for night in ended if newest and night.ident == newest.id and night.package.status == FAILED]

    def _package(self, night: PackageNight) -> str:
        name = night.package.package
        since = failing_since(self.histories[name])
        words = f"since {brief(since)}" if since != night.ident else "new"
        log = self.site.file(night.ident, f"packages/{name}/build.log", "log")
        has_log = f" {log}" if log.startswith("<a") else ""
        head = f'{link(package_page(name), name)} <span class="soft">{escaped(words)}</span>{has_log}'
        return f"{chip(FAILED)}<span>{head}</span><span>{said(night.package.error)}</span>"

    def _needed(self) -> Iterator[tuple[str, str, str]]:
        yield from ((part.name, str(part.status), part.message) for part in self._looks)
        yield from ((night.package.package, FAILED, night.package.error) for night in self._failed)

    def _channels(self) -> Iterator[str]:
        yield '<h2 id="channels">Channels</h2>'
        if not self.site.nights.channels:
            yield '<p class="none">No channels yet.</p>'
            return
        yield rows(self._channel(lead) for lead in self.site.nights.channels)

    def _channel(self, lead: ChannelLead) -> str:
        there = lead.ident in self.site.by_ident
        where = link(night_page(lead.ident), lead.ident) if there else f"{escaped(lead.ident or 'nowhere')} (not there)"
        told = lead.promotion
        words = f"{told.when[:16].replace('T', ' ')} by {told.who}{f': {told.why}' if told.why else ''}" if told else ""
        return f'<b>{escaped(lead.name)}</b><span>{where}</span><span class="soft">{said(words)}</span>'


def holds(snapshot: Snapshot) -> str:
    """``14 RPMs and an ISO of 151 MB``."""
    rpms = many(len(snapshot.rpms), "RPM") if snapshot.rpms else "no repository"
    return f"{rpms} and an ISO of {snapshot.iso.size / 1e6:.0f} MB" if snapshot.iso else rpms


def part_row(site: Site, snapshot: Snapshot, part: PartReport, up: str = "") -> str:
    """A part: what became of it, how long it took, what it said, and where that stands."""
    forecast = f"forecasts/{part.name.removeprefix('forecast-')}.html"
    links = [site.file(snapshot.id, part.log, "log", up), site.file(snapshot.id, forecast, "page", up)]
    shown = " ".join(one for one in links if one.startswith("<a"))
    time = f' <span class="soft">{clock(part.seconds)}</span>' if part.seconds else ""
    message = part.message or ("a person should look at it" if part.status is PartStatus.LOOK else "")
    return f"{chip(part.status)}<span>{escaped(part.name)}{time} {shown}</span><span>{said(message)}</span>"


def night_row(night: Night) -> dict[str, Any]:
    """A night for programs."""
    return {"id": night.ident, "state": state_of_night(night), "text": what_of(night)}


def strip(nights: tuple[Night, ...]) -> str:
    """A cell for each night, the newest last; what it was is its title."""
    cells = "\n".join(f"<li>{_cell(night)}</li>" for night in nights)
    return f'<ol class="strip">\n{cells}\n</ol>' if nights else '<p class="none">None so far.</p>'


def _cell(night: Night) -> str:
    state = state_of_night(night)
    title = f"{brief(night.ident)} {state}: {what_of(night)}"
    words = f' class="{state}" title="{said(title)}" aria-label="{said(title)}"'
    return link(night_page(night.ident), {"good": "✓", "broken": "✗"}.get(state, "?"), words)


@dataclass(frozen=True)
class NightsPage:
    """Every night by month, the newest first."""

    site: Site

    def text(self) -> str:
        return document(self.site, "nights.html", "All nights", self._body())

    def data(self) -> dict[str, Any]:
        """The same for programs."""
        return {"nights": [night_row(night) for night in reversed(self.site.nights.nights)]}

    def _body(self) -> Iterator[str]:
        nights = self.site.nights.nights
        bad = sum(state_of_night(night) != "good" for night in nights)
        yield "<h1>All nights</h1>"
        yield f'<p class="soft">{many(len(nights), "night")}, {len(nights) - bad} of them good.</p>'
        months: dict[str, list[Night]] = {}
        for night in reversed(nights):
            months.setdefault(day(night.ident)[:7], []).append(night)
        for number, (month, found) in enumerate(months.items()):
            good = sum(state_of_night(night) == "good" for night in found)
            head = f'<h2>{month}</h2> <span class="soft">{good} of {len(found)} good</span>'
            yield folded(head, rows(map(self._row, found)), opened=number < 2)

    def _row(self, night: Night) -> str:
        names = "".join(f" {chip(name)}" for name in self.site.channels_of.get(night.ident, ()))
        time = f'<span class="soft">{clock(night.snapshot.seconds)}</span>' if night.snapshot else ""
        words = what(night.snapshot) if night.snapshot else what_of(night)
        head = f"{link(night_page(night.ident), brief(night.ident))} {time}{names}"
        return f"{chip(state_of_night(night))}<span>{head}</span><span>{said(words)}</span>"
