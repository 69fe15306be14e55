# SPDX-License-Identifier: LGPL-2.1-or-later
"""The page of each package over the nights, and the list of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from planex.pages.site.chart import build_chart
from planex.pages.site.frame import Site, brief, chip, document, link, night_page, package_page, rows, said
from planex.pages.site.front import part_row
from planex.pages.site.history import FAILED, PackageNight, PackageSpan, failing_since, spans
from planex.pages.web import escaped
from planex.printable import few
from planex.snapshot.parts import WATCH
from planex.snapshot.record import PartReport, Snapshot
from planex.units import clock, many, size_text

_UP = "../"
LIST = "packages/index.html"


@dataclass(frozen=True)
class PackagePage:
    """``nights`` from the oldest to the newest."""

    site: Site
    name: str
    nights: list[PackageNight]

    def text(self) -> str:
        return document(self.site, package_page(self.name), self.name, self._body())

    def data(self) -> dict[str, Any]:
        """The same for programs; ``night`` is the newest of the ``nights`` that a row stands for."""
        history = [_row(span) for span in reversed(list(spans(self.nights)))]
        return {"package": self.name, "upstream": self._watch.message if self._watch else "", "history": history}

    @property
    def _watch(self) -> PartReport | None:
        """What the newest night heard of upstream, where that is watched."""
        return next((part for part in self._newest.parts if part.name == f"{WATCH}{self.name}"), None)

    @property
    def _newest(self) -> Snapshot:
        return self.site.nights.readable[-1]

    def _body(self) -> Iterator[str]:
        yield f"<h1>{escaped(self.name)}</h1>"
        yield f'<p class="soft">{said(self._sentence())}</p>'
        if (watch := self._watch) and watch.message:
            yield f"<h2>Upstream</h2>\n{rows([part_row(self.site, self._newest, watch, _UP)])}"
        if chart := build_chart(self.nights):
            yield f"<h2>Build times</h2>\n{chart}"
        yield "<h2>History</h2>"
        yield rows(self._line(span) for span in reversed(list(spans(self.nights))))

    def _sentence(self) -> str:
        built = [night for night in self.nights if night.eventful]
        failed = sum(night.package.status == FAILED for night in self.nights)
        words = f"{many(len(self.nights), 'night')}, built in {len(built) - failed}, failed in {failed}"
        since = failing_since(self.nights)
        return f"{words}; fails since {brief(since)}" if since else words

    def _line(self, span: PackageSpan) -> str:
        newest, oldest = span.nights[-1], span.nights[0]
        where = link(_UP + night_page(newest.ident), brief(newest.ident))
        if len(span.nights) > 1:
            first = link(_UP + night_page(oldest.ident), brief(oldest.ident))
            where = f'{first} to {where} <span class="soft">{many(len(span.nights), "night")}</span>'
        log = self.site.file(newest.ident, f"packages/{self.name}/build.log", "log", _UP)
        facts = [" ".join(newest.versions), clock(newest.package.seconds) if newest.eventful else ""]
        facts += [f"{size_text(newest.size)} in {many(len(newest.rpms), 'RPM')}" if newest.size else ""]
        why = newest.package.error or (few(newest.package.reasons) if newest.eventful else "")
        told = f'{said(", ".join(filter(None, facts)))} <div class="soft">{said(why)}</div>'
        return (
            f"{chip(newest.status)}<span>{where}{f' {log}' if log.startswith('<a') else ''}</span><span>{told}</span>"
        )


def _row(span: PackageSpan) -> dict[str, Any]:
    newest = span.nights[-1]
    return {
        "night": newest.ident,
        "nights": len(span.nights),
        "status": newest.status,
        "versions": newest.versions,
        "seconds": newest.package.seconds if newest.eventful else 0,
        "bytes": newest.size,
        "reasons": newest.package.reasons if newest.eventful else (),
        "error": newest.package.error,
    }


@dataclass(frozen=True)
class PackagesPage:
    """All packages that any night had; those that fail come first."""

    site: Site
    histories: dict[str, list[PackageNight]]

    def text(self) -> str:
        return document(self.site, LIST, "Packages", self._body())

    def data(self) -> dict[str, Any]:
        """The same for programs."""
        rows = [
            {"package": name, "status": nights[-1].status, "versions": _versions(nights), "newest": nights[-1].ident}
            for name, nights in self.histories.items()
        ]
        return {"packages": rows}

    def _body(self) -> Iterator[str]:
        yield "<h1>Packages</h1>"
        yield f'<p class="soft">{many(len(self.histories), "package")}, those that fail first.</p>'
        found = sorted(self.histories.items(), key=lambda item: item[1][-1].package.status != FAILED)
        yield rows(self._line(name, nights) for name, nights in found)

    def _line(self, name: str, nights: list[PackageNight]) -> str:
        newest = self.site.nights.readable[-1].id
        gone = "" if nights[-1].ident == newest else f" not since {brief(nights[-1].ident)}"
        since = f" since {brief(failing)}" if (failing := failing_since(nights)) else ""
        head = link(package_page(name).removeprefix("packages/"), name)
        words = f"{' '.join(_versions(nights))}{since}{gone}"
        return f'{chip(nights[-1].status)}<span>{head}</span><span class="soft">{said(words)}</span>'


def _versions(nights: list[PackageNight]) -> tuple[str, ...]:
    """The last that were published."""
    return next((night.versions for night in reversed(nights) if night.versions), ())
