# SPDX-License-Identifier: LGPL-2.1-or-later
"""All pages of the site, with what programs read beside each."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any, Protocol

from planex.checksums import digest_of_text
from planex.pages.site.chart import badge
from planex.pages.site.feed import feed
from planex.pages.site.frame import Site, json_page, night_page, package_page
from planex.pages.site.front import FrontPage, NightsPage
from planex.pages.site.history import histories
from planex.pages.site.night import Neighbours, NightPage
from planex.pages.site.packages import LIST, PackagePage, PackagesPage
from planex.pages.web import style
from planex.snapshot.nights import Night, Nights
from planex.snapshot.site import SiteFile

CODE = ("planex.pages.site", "planex.pages.web", "planex.snapshot", "planex.printable", "planex.units")
"""The modules that shape pages."""
FORMAT = 1
"""Of what programs read: it goes up when a field goes away or gets another meaning."""


class SitePage(Protocol):
    """What people and what programs read."""

    def text(self) -> str: ...

    def data(self) -> dict[str, Any]: ...


def site_pages(nights: Nights, archive: str = "..") -> Iterator[SiteFile]:
    """Each file, the front page last. ``archive``: the snapshots' folder as seen from the site's."""
    site = Site(nights, archive)
    known = histories(nights.readable)
    around = "\n".join([nights.title, nights.target, archive, style("house", "site")])
    all_nights = _digest([around, *(night.made_from for night in nights.nights)])
    yield from _nights(site, around)
    for name, found in known.items():
        yield from _both(package_page(name), PackagePage(site, name, found), all_nights)
    yield from _both(LIST, PackagesPage(site, known), all_nights)
    yield from _both("nights.html", NightsPage(site))
    yield SiteFile("feed.xml", lambda: feed(site))
    yield SiteFile("badge.svg", lambda: badge(nights.target, nights.nights[-1] if nights.nights else None))
    yield from _both("index.html", FrontPage(site, known))


def _both(page: str, made: SitePage, made_from: str = "") -> Iterator[SiteFile]:
    yield SiteFile(json_page(page), lambda: json.dumps({"format": FORMAT, **made.data()}, indent=1) + "\n", made_from)
    yield SiteFile(page, made.text, made_from)


def _nights(site: Site, around: str) -> Iterator[SiteFile]:
    nights = site.nights.nights
    before: Night | None = None
    stocked: Night | None = None
    for place, night in enumerate(nights):
        earlier = nights[place - 1].ident if place else ""
        later = nights[place + 1].ident if place + 1 < len(nights) else ""
        near = Neighbours(earlier, later, *(one.snapshot if one else None for one in (before, stocked)))
        shown = [around, earlier, later, *site.channels_of.get(night.ident, ())]
        made_from = _digest([*shown, *(one.made_from for one in (night, before, stocked) if one)])
        yield from _both(night_page(night.ident), NightPage(site, night, near), made_from)
        before = night if night.snapshot else before
        stocked = night if night.snapshot and night.snapshot.rpms else stocked


def _digest(texts: Iterable[str]) -> str:
    """Of what a page is made from."""
    return digest_of_text(json.dumps(list(texts)))
