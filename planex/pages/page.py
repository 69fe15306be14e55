# SPDX-License-Identifier: LGPL-2.1-or-later
"""A forecast as one web page that a person reads from the top: how bad it is, what to look at, then every patch.

There are no scripts and nothing is fetched. Neighbouring versions with the same verdict share a cell, so that the page
stays small and what changes stands out.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence, Sized
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import Any

from planex.pages.needs import Case, Stretch, by_file, need, stretches
from planex.pages.web import document, escaped, style
from planex.patchqueue.carry.forecast import Column, Matrix
from planex.patchqueue.carry.offers import Built
from planex.patchqueue.carry.verdict import TROUBLE, Fate
from planex.patchqueue.format.queue import Patch
from planex.printable import shortened
from planex.units import many

_FOLDED = 8
"""Items from which on a list is folded, so that what follows can be seen."""
_LONG = 200
"""Lines of a diff that are shown."""
_WIDE = 46
"""Width that the columns share, in rem; each has from 3.4 to 8."""
_WORST_FIRST = sorted(Fate, key=lambda status: (status not in TROUBLE, status is not Fate.PROPOSAL))


@dataclass(frozen=True)
class News:
    """Trouble that a saved forecast did not have: patch, version and status of each."""

    since: str
    troubles: Sequence[tuple[str, str, Fate]]


def forecast_page(matrix: Matrix, data: Mapping[str, Any], news: News | None = None) -> str:
    """The page's text. ``data`` is the forecast as forecast_rows gives it."""
    return _Page(matrix, data, news).text()


@dataclass(frozen=True)
class _Page:
    matrix: Matrix
    data: Mapping[str, Any]
    news: News | None

    def text(self) -> str:
        title = f"{self.data['package']} {self.matrix.old.label}: forecast"
        parts = (self._news(), self._versions(), self._needs(), self._proposals(), self._patches())
        body = "\n".join([self._head(escaped(title)), *chain(*parts)])
        return document(title, _style(len(self.matrix.columns)), body)

    @cached_property
    def anchors(self) -> dict[str, str]:
        """Patch to its place in the page; made of its name, so that a link to it holds from night to night."""
        found: dict[str, str] = {}
        for number, patch in enumerate(self.matrix.patches, 1):
            word = re.sub(r"[^\w.+-]", "_", patch.name, flags=re.ASCII)
            found[patch.name] = word if word not in found.values() else f"{word}:{number}"
        return found

    def link(self, patch: str) -> str:
        anchor = self.anchors.get(patch)
        return f'<a href="#{anchor}">{escaped(patch)}</a>' if anchor else escaped(patch)

    @cached_property
    def needed(self) -> set[str]:
        """Patches that need a person on some version."""
        return set(self.matrix.first_bad)

    @cached_property
    def proposed(self) -> dict[int, list[Stretch]]:
        """Number of a patch to its proposals, each with the versions it is the same on."""
        found: dict[int, list[Stretch]] = {}
        for column in self.matrix.columns:
            for number, verdict in enumerate(column.verdicts):
                if verdict.status is not Fate.PROPOSAL:
                    continue
                known = found.setdefault(number, [])
                if known and self._same_offer(verdict.patch, known[-1].labels[0], column.version.label):
                    known[-1] = Stretch((*known[-1].labels, column.version.label), known[-1].verdict)
                else:
                    known.append(Stretch((column.version.label,), verdict))
        return dict(sorted(found.items()))

    def _head(self, title: str) -> str:
        patches, versions = len(self.matrix.patches), len(self.matrix.columns)
        links = [("#needs", f"needs a person ({len(self.needed)})")] if self.needed else []
        links += [("#proposals", f"proposals ({len(self.proposed)})")] if self.proposed else []
        links += [("#patches", f"all patches ({patches})")]
        words = "".join(f'<a href="{place}">{word}</a>' for place, word in links)
        queue, onto = many(patches, "patch", "patches"), many(versions, "upstream version")
        total = f"{len(self.needed)} of {queue} need a person" if self.needed else f"None of {queue} needs a person"
        look = f"; {len(self.proposed)} to look at, with a proposal" if self.proposed else ""
        return f'<h1>{title}</h1>\n<p class="soft">{total}, on {onto}{look}.</p>\n<nav>{words}</nav>'

    def _versions(self) -> Iterator[str]:
        yield '<ul class="versions">'
        yield from (_version(column) for column in self.matrix.columns)
        yield "</ul>"

    def _news(self) -> Iterator[str]:
        if self.news is None:
            return
        since = escaped(self.news.since)
        if not self.news.troubles:
            yield f'<p class="none">No new trouble since {since}.</p>'
            return
        cases: dict[str, Case] = {}
        for patch, label, status in self.news.troubles:
            cases.setdefault(patch, Case(patch, {})).labels.setdefault(status, []).append(label)
        summary = f"New trouble since {since}: {many(len(cases), 'patch', 'patches')}"
        yield f'<details class="news"{_opened(cases)}><summary>{summary}</summary>'
        yield from self._cases(cases.values())
        yield "</details>"

    def _needs(self) -> Iterator[str]:
        groups = by_file(self.matrix)
        if not groups:
            return
        yield f'<h2 id="needs">Needs a person: {many(len(self.needed), "patch", "patches")}, by file</h2>'
        for place, cases in groups.items():
            count = f'<span class="soft">{many(len(cases), "patch", "patches")}</span>'
            yield f'<details class="place"{_opened(groups)}><summary><code>{escaped(place)}</code> {count}</summary>'
            yield from self._cases(cases)
            yield "</details>"

    def _proposals(self) -> Iterator[str]:
        if not self.proposed:
            return
        yield f'<h2 id="proposals">Proposals to look at: {many(len(self.proposed), "patch", "patches")}</h2>'
        for number, found in self.proposed.items():
            patch = self.matrix.patches[number].name
            rules = ", ".join(dict.fromkeys(rule for stretch in found for rule in stretch.verdict.rules))
            built = " ".join(dict.fromkeys(_built(self._row(stretch.labels[0], patch)) for stretch in found))
            head = f'<code>{escaped(patch)}</code> <span class="soft">by {escaped(rules)}</span> {built}'
            yield f'<details class="place"><summary>{head}</summary><div class="offer">'
            yield f"<p>{escaped(self.matrix.patches[number].subject)} ({self.link(patch)})</p>"
            for stretch in found:
                yield from self._offer(patch, stretch)
            yield "</div></details>"

    def _offer(self, patch: str, stretch: Stretch) -> Iterator[str]:
        row = self._row(stretch.labels[0], patch)
        yield f"<p>on {_listed(stretch.labels)}: {escaped(stretch.verdict.why)} {_built(row)}</p>"
        for title, key in (("What it would change there", "change"), ("How that differs from the patch", "beside")):
            if text := row.get(key):
                yield f"<details open><summary>{title}</summary><pre>{_diff(text)}</pre></details>"

    def _same_offer(self, patch: str, *labels: str) -> bool:
        rows = [self._row(label, patch) for label in labels]
        return len({(row.get("change"), row["built"]) for row in rows}) == 1

    def _row(self, label: str, patch: str) -> Mapping[str, Any]:
        row: Mapping[str, Any] = self.data["versions"][label][patch]
        return row

    def _cases(self, cases: Iterable[Case]) -> Iterator[str]:
        yield '<ul class="cases">'
        for case in cases:
            chips = " ".join(f"{_chip(status)} on {_listed(labels)}" for status, labels in case.labels.items())
            yield f'<li>{self.link(case.patch)}<span class="soft">{chips}</span></li>'
        yield "</ul>"

    def _patches(self) -> Iterator[str]:
        yield '<h2 id="patches">All patches</h2>'
        if self.needed:
            yield '<input type="checkbox" id="only"> <label for="only">only those that need a person</label>'
        heads = "".join(f"<span>{escaped(column.version.label)}</span>" for column in self.matrix.columns)
        yield f'<div>\n<div class="heads"><span>patch</span>{heads}</div>'
        section = ""
        for number, patch in enumerate(self.matrix.patches):
            if patch.entry.section != section:
                section = patch.entry.section
                yield f"<h3>{escaped(section)}</h3>"
            yield self._patch(number, patch)
        yield "</div>"

    def _patch(self, number: int, patch: Patch) -> str:
        fine = "" if patch.name in self.needed else ' class="fine"'
        cells = "".join(_cell(stretch) for stretch in stretches(self.matrix, number, whole=False))
        details = "".join(self._details(number, patch))
        anchor = self.anchors[patch.name]
        row = f'<summary class="row"><b>{escaped(patch.name)}</b>{cells}</summary>'
        return f'<details id="{anchor}"{fine}>{row}<div class="more">{details}</div></details>'

    def _details(self, number: int, patch: Patch) -> Iterator[str]:
        author = f' <span class="soft">{escaped(patch.header.author)}</span>' if patch.header.author else ""
        yield f"<p>{escaped(patch.subject)}{author}</p>"
        for stretch in stretches(self.matrix, number):
            if stretch.verdict.why:
                yield f"<p>{escaped(stretch.span)}: {_chip(stretch.verdict.status)} {self._why(stretch)}</p>"
        if breaker := self.data["broken_by"].get(patch.name):
            yield f"<p>first broken by {escaped(breaker['text'])}</p>"

    def _why(self, stretch: Stretch) -> str:
        verdict = stretch.verdict
        if verdict.status is not Fate.BLOCKED or not verdict.blockers:
            return escaped(verdict.why)
        needs = ", ".join(map(self.link, verdict.blockers))
        return f"needs {needs}" + (f"; {escaped(verdict.reason)}" if verdict.reason else "")


def _built(row: Mapping[str, Any]) -> str:
    """How far a proposal is proved."""
    built = row["built"]
    looks = {Built.BUILDS: Fate.CLEAN, Built.BREAKS: Fate.CONFLICT, Built.NOT: Fate.SKIPPED}
    return f'<i class="chip {looks[built]}">{built}</i>'


def _diff(text: str) -> str:
    """A diff with what is added and taken away marked."""
    return "\n".join(_marked(line) for line in shortened(text, _LONG).split("\n"))


def _marked(line: str) -> str:
    mark = {"+": "ins", "-": "del"}.get(line[:1]) if not line.startswith(("+++ ", "--- ")) else None
    return f"<{mark}>{escaped(line)}</{mark}>" if mark else escaped(line)


def _opened(items: Sized) -> str:
    return " open" if len(items) < _FOLDED else ""


def _version(column: Column) -> str:
    counts = Counter(verdict.status for verdict in column.verdicts)
    present = [status for status in _WORST_FIRST if counts[status]]
    words = need(column)
    head = f'<span class="alarm">{words}</span>' if column.troubles else words
    bar = "".join(f'<i class="{status}" style="flex:{counts[status]}"></i>' for status in present)
    legend = "".join(f'<i class="{status}">{counts[status]} {status}</i>' for status in present)
    return (
        f'<li><b>{escaped(column.version.label)}</b><div class="bar">{bar}</div>'
        f'<span class="soft">{head}</span><div class="counts">{legend}</div></li>'
    )


def _cell(stretch: Stretch) -> str:
    """A status under the versions it holds for."""
    wide, status = len(stretch.labels), stretch.verdict.status
    return f'<i class="{status}{f" s{wide}" if wide > 1 else ""}" title="{escaped(stretch.span)}">{status}</i>'


def _chip(status: Fate) -> str:
    return f'<i class="chip {status}">{status}</i>'


def _listed(labels: Sequence[str]) -> str:
    return escaped(", ".join(labels))


def _style(versions: int) -> str:
    """The page's style for so many columns."""
    text = style("house", "forecast")
    widths = "\n".join(f".s{wide} {{ grid-column-end: span {wide}; }}" for wide in range(2, versions + 1))
    column = min(8, max(3.4, _WIDE / max(versions, 1)))
    return f"{text}\n:root {{ --n: {versions}; --w: {column:.3g}rem; }}\n{widths}"
