# SPDX-License-Identifier: LGPL-2.1-or-later
"""What all web pages share: text that is no markup, and the style of the house."""

from __future__ import annotations

import html
import re
from functools import cache
from pathlib import Path

from planex.printable import printable

_DATA = Path(__file__).parents[1] / "data"


def escaped(text: str) -> str:
    """Any text as text of a page: no markup, no control characters."""
    return html.escape(printable(text))


def document(title: str, styles: str, body: str) -> str:
    """A page that is whole by itself: no script, nothing from elsewhere. ``styles`` is CSS, ``body`` markup."""
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escaped(title)}</title>
<style>
{styles}
</style>
</head>
<body>
{body}
</body>
</html>
"""


@cache
def style(*names: str) -> str:
    """The named style sheets of planex/data as one, without comments and indentation."""
    text = "".join((_DATA / f"{name}.css").read_text("utf-8") for name in names)
    return re.sub(r"\n\s+", " ", re.sub(r"/\*.*?\*/\n", "", text)).strip()
