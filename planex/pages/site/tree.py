# SPDX-License-Identifier: LGPL-2.1-or-later
"""All pages of the site, with what programs read beside each."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Protocol

from planex.pages.site.chart import badge
from planex.pages.site.feed import feed
from planex.pages.site.frame import Site, json_page, night_page, package_page
from planex.pages.site.front import FrontPage, NightsPage
from planex.pages.site.history import histories
from planex.pages.site.night import Neighbours, NightPage
from planex.pages.site.packages import LIST, PackagePage, PackagesPage
from planex.snapshot.nights import Nights
from planex.snapshot.record import Snapshot


class SitePage(Protocol):
    """What people and what programs read."""

    def text(self) -> str: ...

    def data(self) -> Any: ...


def site_pages(nights: Nights, archive: str = "..") -> Iterator[tuple[str, str]]:
    """Path and text of each file, the front page last. ``archive``: the snapshots' folder as seen from the site's."""
    site = Site(nights, archive)
    known = histories(nights.readable)
    yield from _nights(site)
    for name, found in known.items():
        yield from _both(package_page(name), PackagePage(site, name, found))
    yield from _both(LIST, PackagesPage(site, known))
    yield from _both("nights.html", NightsPage(site))
    yield "feed.xml", feed(site)
    yield "badge.svg", badge(nights.target, nights.nights[-1] if nights.nights else None)
    yield from _both("index.html", FrontPage(site, known))


def _both(page: str, made: SitePage) -> Iterator[tuple[str, str]]:
    yield json_page(page), json.dumps(made.data(), indent=1) + "\n"
    yield page, made.text()


def _nights(site: Site) -> Iterator[tuple[str, str]]:
    nights = site.nights.nights
    before: Snapshot | None = None
    stocked: Snapshot | None = None
    for place, night in enumerate(nights):
        earlier = nights[place - 1].ident if place else ""
        later = nights[place + 1].ident if place + 1 < len(nights) else ""
        yield from _both(night_page(night.ident), NightPage(site, night, Neighbours(earlier, later, before, stocked)))
        before = night.snapshot or before
        stocked = night.snapshot if night.snapshot and night.snapshot.rpms else stocked
