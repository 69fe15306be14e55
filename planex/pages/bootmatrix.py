# SPDX-License-Identifier: LGPL-2.1-or-later
"""What became of many boots of an ISO: lines for a terminal, plain data, one web page with pictures of the menus."""

from __future__ import annotations

import base64
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from planex.machine.matrix import CellResult
from planex.pages.table import fitted
from planex.pages.web import document, escaped, style
from planex.units import clock, many


@dataclass(frozen=True, slots=True)
class MatrixRun:
    """All boots of one run. ``titles``: of entries of the menu, by name; ``facts``: what a reader asks of the run."""

    iso: str
    results: Sequence[CellResult]
    titles: dict[str, str]
    facts: Sequence[tuple[str, str]]

    @property
    def failed(self) -> list[CellResult]:
        return [result for result in self.results if result.fault]

    @property
    def verdict(self) -> str:
        """In a line, how it went."""
        total = many(len(self.results), "boot")
        return f"{len(self.failed)} of {total} failed" if self.failed else f"All of {total} proved themselves"


def matrix_text(run: MatrixRun, width: int) -> str:
    """A line a boot: which, how long, and what the host said or why there is no proof."""
    rows = [
        ("FAILED" if r.fault else "proved", r.cell.name, clock(r.seconds), (r.fault or r.said).split("\n")[0])
        for r in run.results
    ]
    return f"{fitted(rows, width)}\n\n{run.verdict}"


def matrix_data(run: MatrixRun) -> dict[str, Any]:
    """Plain data."""
    rows = [
        {
            "firmware": result.cell.firmware,
            "medium": result.cell.medium,
            "what": result.cell.what,
            "proved": not result.fault,
            "seconds": round(result.seconds, 1),
            "said": result.said,
            "fault": result.fault,
            "serial": str(result.log),
            "picture": str(result.picture) if result.picture else None,
        }
        for result in run.results
    ]
    return {"format": 1, "iso": run.iso, "facts": dict(run.facts), "boots": rows}


def matrix_page(run: MatrixRun, folder: Path) -> str:
    """The page's text, for a file in ``folder``, from which logs are linked. Pictures are in it."""
    title = f"{run.iso}: how it starts"
    columns = list(dict.fromkeys((result.cell.firmware, result.cell.medium) for result in run.results))
    parts = (_head(run, title), _cells(run, columns), _faults(run, folder), _menus(run, columns), _boots(run, folder))
    body = "\n".join(line for part in parts for line in part)
    return document(title, f"{style('house', 'bootmatrix')}\n:root {{ --n: {len(columns)}; }}", body)


def _head(run: MatrixRun, title: str) -> Iterator[str]:
    yield f"<h1>{escaped(title)}</h1>"
    yield f'<p class="state{" broken" if run.failed else ""}">{escaped(run.verdict)}.</p>'
    yield f'<p class="soft">{escaped("; ".join(f"{name} {value}" for name, value in run.facts))}</p>'
    links = [("#failures", f"failures ({len(run.failed)})")] if run.failed else []
    links += [("#menus", "menus"), ("#boots", f"all boots ({len(run.results)})")]
    words = "".join(f'<a href="{place}">{word}</a>' for place, word in links)
    yield f"<nav>{words}</nav>"


def _cells(run: MatrixRun, columns: Sequence[tuple[str, str]]) -> Iterator[str]:
    known: dict[tuple[str, ...], CellResult] = {(r.cell.firmware, r.cell.medium, r.cell.what): r for r in run.results}
    yield '<h2 id="cells">What was started, and from what</h2>\n<ul class="cells">'
    for what in dict.fromkeys(result.cell.what for result in run.results):
        cells = "".join(_cell(known.get((*column, what))) for column in columns)
        yield f"<li><b>{escaped(run.titles.get(what, what))}</b>{cells}</li>"
    yield "</ul>"


def _cell(result: CellResult | None) -> str:
    if result is None:
        return '<span class="none"></span>'
    state = "failed" if result.fault else "proved"
    words = f"{state} <small>{clock(result.seconds)}</small>"
    where = f"{result.cell.firmware} {result.cell.medium}"
    return f'<a class="{state}" href="#{escaped(result.cell.name)}"><small>{escaped(where)}</small>{words}</a>'


def _faults(run: MatrixRun, folder: Path) -> Iterator[str]:
    if run.failed:
        yield '<h2 id="failures">Failures</h2>'
    for result in run.failed:
        tail = f'<pre tabindex="0">{escaped(result.tail)}</pre>' if result.tail else ""
        head = f"<h3>{escaped(result.cell.name)}</h3><p>{escaped(result.fault)}</p>"
        yield f'<div class="fault">{head}{tail}<p>{_log(result, folder)}</p></div>'


def _menus(run: MatrixRun, columns: Sequence[tuple[str, str]]) -> Iterator[str]:
    """A picture for each way to start; all entries of one show the same menu."""
    yield '<h2 id="menus">Menus</h2>\n<div class="menus">'
    for column in columns:
        cells = [r for r in run.results if (r.cell.firmware, r.cell.medium) == column]
        picture = next((result.picture for result in cells if result.picture), None)
        if picture:
            yield _figure(" ".join(column), picture)
    yield "</div>"


def _figure(name: str, picture: Path) -> str:
    data = base64.b64encode(picture.read_bytes()).decode()
    text = escaped(f"boot menu, {name}")
    return f'<figure><img alt="{text}" src="data:image/png;base64,{data}"><figcaption>{text}</figcaption></figure>'


def _boots(run: MatrixRun, folder: Path) -> Iterator[str]:
    yield '<h2 id="boots">All boots</h2>\n<ul class="boots">'
    for result in run.results:
        state = "failed" if result.fault else "proved"
        chip = f'<span><i class="chip {state}">{state}</i></span>'
        said = escaped((result.fault or result.said).split("\n")[0])
        more = f'<span>{said} <span class="soft">{clock(result.seconds)}, {_log(result, folder)}</span></span>'
        yield f'<li id="{escaped(result.cell.name)}"><b>{escaped(result.cell.name)}</b>{chip}{more}</li>'
    yield "</ul>"


def _log(result: CellResult, folder: Path) -> str:
    return f'<a href="{escaped(os.path.relpath(result.log, folder))}">serial console</a>'
