# SPDX-License-Identifier: LGPL-2.1-or-later
"""The table of docs/security.md, made from the tests: ``python -m tests.cage.table`` writes it there."""

from __future__ import annotations

from pathlib import Path

from tests.cage.probes import PROBES

PAGE = Path(__file__).resolve().parents[2] / "docs" / "security.md"
BEGIN, END = "<!-- made by python -m tests.cage.table -->\n", "<!-- end -->\n"


def table() -> str:
    """Markdown: every attack that the tests try, and where."""
    rows = ["| a package that tries to | gets | test |", "| --- | --- | --- |"]
    rows += [f"| {probe.attack} | nothing | `probes.py`: {probe.name} |" for probe in PROBES]
    from tests.cage.test_limits import HUNGRY  # which imports this module for its last test

    rows += [f"| {attack} | ended, named | `test_limits.py`: {name} |" for name, (attack, *_) in HUNGRY.items()]
    return "\n".join(rows) + "\n"


def page(text: str) -> str:
    """The page with the table in its place."""
    head, _, rest = text.partition(BEGIN)
    return head + BEGIN + "\n" + table() + "\n" + END + rest.partition(END)[2]


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text()))
