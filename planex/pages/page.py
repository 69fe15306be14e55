# SPDX-License-Identifier: LGPL-2.1-or-later
"""A forecast as one web page: a table of patch and version, without scripts or anything from elsewhere."""

from __future__ import annotations

import html
from collections.abc import Mapping
from typing import Any

from planex.pages.verdicts import summary
from planex.patchqueue.carry.forecast import Matrix
from planex.patchqueue.carry.verdict import Fate, Verdict

_COLOURS = {
    Fate.CLEAN: "#d7f0d7",
    Fate.OFFSET: "#e6f4da",
    Fate.MERGED: "#fbf3c9",
    Fate.RERERE: "#fbf3c9",
    Fate.RESOLVED: "#fbf3c9",
    Fate.UPSTREAMED: "#d4e6fa",
    Fate.EMPTY: "#eeeeee",
    Fate.DROPPED: "#e3e3e3",
    Fate.SKIPPED: "#e3e3e3",
    Fate.CONFLICT: "#f7c9c9",
    Fate.DOUBTFUL: "#f9d9b0",
    Fate.BLOCKED: "#f7ddc9",
    Fate.FAILED: "#e9b7d9",
}
_STYLE = """
:root { color-scheme: light; }
body { font: 15px/1.45 system-ui, sans-serif; margin: 2em auto; max-width: 75em; padding: 0 1em; color: #1c1c1c; }
h1 { font-size: 1.4em; margin-bottom: .2em; }
.frame { overflow-x: auto; }
table { border-collapse: collapse; margin: 1.2em 0; }
th, td { border: 1px solid #c8c8c8; padding: .25em .6em; text-align: left; vertical-align: top; }
thead th { background: #f3f3f3; position: sticky; top: 0; }
tbody th { font-weight: normal; font-family: ui-monospace, monospace; font-size: .92em; }
tbody th small { display: block; font-family: system-ui, sans-serif; color: #555; }
td small { display: block; color: #444; max-width: 30em; overflow-wrap: anywhere; }
tr.section th { background: #fafafa; font-weight: 600; font-family: inherit; }
"""


def forecast_page(matrix: Matrix, data: Mapping[str, Any]) -> str:
    """The page's text. ``data`` is the forecast as forecast_rows gives it."""
    package, labels = data["package"], [column.version.label for column in matrix.columns]
    title = f"{package} {matrix.old.label}: forecast"
    heads = "".join(f"<th>{_text(label)}</th>" for label in labels)
    totals = "".join(f"<td><small>{_text(summary(v.status for v in c.verdicts))}</small></td>" for c in matrix.columns)
    body = "\n".join(_rows(matrix, data))
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{_text(title)}</title>
<style>{_STYLE}{_status_styles()}</style>
</head>
<body>
<h1>{_text(title)}</h1>
<p>What becomes of the {len(matrix.patches)} patches of <b>{_text(package)}</b> on other upstream versions.</p>
<div class="frame"><table>
<thead><tr><th>patch</th>{heads}</tr></thead>
<tbody>
{body}
</tbody>
<tfoot><tr><th>in all</th>{totals}</tr></tfoot>
</table></div>
</body>
</html>
"""


def _status_styles() -> str:
    return "\n".join(f"td.{status} {{ background: {colour}; }}" for status, colour in _COLOURS.items()) + "\n"


def _rows(matrix: Matrix, data: Mapping[str, Any]) -> list[str]:
    rows, section = [], ""
    for number, patch in enumerate(matrix.patches):
        if patch.entry.section != section:
            section = patch.entry.section
            rows.append(f'<tr class="section"><th colspan="{len(matrix.columns) + 1}">{_text(section)}</th></tr>')
        cells = "".join(_cell(column.verdicts[number]) for column in matrix.columns)
        breaker = data["broken_by"].get(patch.name)
        broken = f"<small>first broken by {_text(breaker['text'])}</small>" if breaker else ""
        head = f"<th>{_text(patch.name)}<small>{_text(patch.subject)}</small>{broken}</th>"
        rows.append(f"<tr>{head}{cells}</tr>")
    return rows


def _cell(verdict: Verdict) -> str:
    why = verdict.why
    return f'<td class="{verdict.status}">{verdict.status}' + (f"<small>{_text(why)}</small>" if why else "") + "</td>"


def _text(text: str) -> str:
    return html.escape(text.encode("utf-8", "replace").decode())
