# SPDX-License-Identifier: LGPL-2.1-or-later
"""What every page of the site has around it, and the words and links that all of them use."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from urllib.parse import quote

from planex.checksums import digest_of_text
from planex.pages.web import escaped, style
from planex.printable import short
from planex.snapshot.nights import Night, Nights
from planex.snapshot.record import Snapshot

_LOOKS = {
    "good": "clean", "ok": "clean", "built": "gone", "look": "proposal", "broken": "conflict", "failed": "conflict",
    "skipped": "doubtful", "postponed": "doubtful", "damaged": "doubtful",
}  # fmt: skip
"""Words to the colours that they have in the house's style; all others are grey."""
_FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,99}", re.ASCII)
_SAID = 600
"""Characters of a message that are shown; the rest is in the log and in the JSON."""


@dataclass(frozen=True)
class Site:
    """``archive``: the snapshots' folder as seen from the site's."""

    nights: Nights
    archive: str = ".."

    @property
    def name(self) -> str:
        return f"{self.nights.title} for {self.nights.target}"

    @cached_property
    def by_ident(self) -> dict[str, Night]:
        return {night.ident: night for night in self.nights.nights}

    @cached_property
    def channels_of(self) -> dict[str, list[str]]:
        """Id to the channels that lead to it."""
        found: dict[str, list[str]] = {}
        for channel in self.nights.channels:
            found.setdefault(channel.ident, []).append(channel.name)
        return found

    def file(self, ident: str, path: str, words: str, up: str = "") -> str:
        """A link to a file of a snapshot; its words alone where it is not there."""
        if ident not in self.by_ident or path not in self.by_ident[ident].files:
            return escaped(words)
        return link(f"{up}{address(self.archive)}/{address(ident)}/{address(path)}", words)


def address(path: str) -> str:
    """A path as part of a relative link, whatever bytes are in it."""
    return quote(os.fsencode(path))


def link(where: str, words: str, extra: str = "") -> str:
    """``where`` is an address already."""
    return f'<a href="{where}"{extra}>{escaped(words)}</a>'


def night_page(ident: str) -> str:
    return f"{ident}/index.html"


def package_page(name: str) -> str:
    """Where a package's page is; a name that is no file's name everywhere gets one that is."""
    if not _FILE_NAME.fullmatch(name) or name.lower() == "index":
        name = f"{re.sub(r'[^A-Za-z0-9]+', '_', name)[:60]}-{digest_of_text(name)[:8]}"
    return f"packages/{name}.html"


def json_page(page: str) -> str:
    return page.removesuffix(".html") + ".json"


def brief(ident: str) -> str:
    """An id without the commit: ``20261124.01``."""
    return ident.split("-", 1)[0]


def day(ident: str) -> str:
    """``2026-11-24``."""
    return f"{ident[:4]}-{ident[4:6]}-{ident[6:8]}"


def chip(word: str) -> str:
    return f'<i class="chip {_LOOKS.get(word, "empty")}">{escaped(word)}</i>'


def said(text: str) -> str:
    return escaped(short(text, _SAID))


def state_of_night(night: Night) -> str:
    return str(night.snapshot.state) if night.snapshot else "damaged"


def what_of(night: Night) -> str:
    """What a person wants to know of a night in some words."""
    if night.snapshot is None:
        return f"its record cannot be read: {night.fault}"
    return what(night.snapshot)


def what(snapshot: Snapshot) -> str:
    return f"broken by {', '.join(snapshot.broken_by)}" if not snapshot.good else snapshot.subject


def rows(items: Iterable[str], kind: str = "rows") -> str:
    return f'<ul class="{kind}">\n' + "\n".join(f"<li>{item}</li>" for item in items) + "\n</ul>"


def folded(summary: str, body: str, *, opened: bool = False) -> str:
    """``summary`` is markup."""
    return f"<details{' open' if opened else ''}><summary>{summary}</summary>\n{body}\n</details>"


def document(site: Site, page: str, title: str, body: Iterator[str]) -> str:
    """A whole page. ``body`` is markup; ``page`` its path in the site, which says how far up the others are."""
    up = "../" * page.count("/")
    places = {"index.html": "Today", "nights.html": "All nights", "packages/index.html": "Packages"}
    words, here = "\n".join(body), ' aria-current="page"'
    links = "".join(link(up + place, words, here if place == page else "") for place, words in places.items())
    json_name = json_page(page).rpartition("/")[2]
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escaped(title)} - {escaped(site.name)}</title>
<link rel="alternate" type="application/atom+xml" title="Nights" href="{up}feed.xml">
<style>
{style("house", "site")}
</style>
</head>
<body>
<a class="skip" href="#main">To the content</a>
<header><b>{escaped(site.name)}</b>
<nav aria-label="Pages">{links}</nav></header>
<main id="main">
{words}
</main>
<footer>{link(json_name, "this page as JSON")} {link(f"{up}feed.xml", "feed")}</footer>
</body>
</html>
"""
