# SPDX-License-Identifier: LGPL-2.1-or-later
"""Single lines of a spec that an import must change; all others stay byte for byte. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable

_TAG = re.compile(r"(?:source|patch)\d*\s*:", re.IGNORECASE)
_AUTO = re.compile(r"^\s*%(?:autosetup|autopatch)\b(?!.*\s-N\b).*", re.MULTILINE)
_STRIP = re.compile(r"\s-p\s*(\d+)")
_PATCH = re.compile(r"patch(\d*)\s*:", re.IGNORECASE)


def with_source(text: str, number: int, url: str) -> str:
    """The spec with another URL in its ``SourceN`` line, or with such a line behind the last one of its kind."""
    line = re.compile(
        rf"^(source0*{number or ''}\s*:[ \t]*)\S+" if number else r"^(source0*\s*:[ \t]*)\S+", re.I | re.M
    )
    if line.search(text):
        return line.sub(lambda match: f"{match[1]}{url}", text, count=1)
    return with_lines(text, [f"Source{number}: {url}"])


def with_patches(text: str, names: Iterable[str]) -> str:
    """The spec with patches behind its own, numbered on."""
    numbers = [int(match[1] or 0) for line in text.splitlines() if (match := _PATCH.match(line))]
    first = max(numbers, default=-1) + 1
    return with_lines(text, [f"Patch{number}: {name}" for number, name in enumerate(names, first)])


def with_lines(text: str, new: Iterable[str]) -> str:
    """The spec with lines behind the last Source or Patch of its preamble."""
    lines = text.splitlines(keepends=True)
    preamble = next((n for n, line in enumerate(lines) if line.startswith("%description")), len(lines))
    tags = [n for n in range(preamble) if _TAG.match(lines[n])]
    lines.insert(tags[-1] + 1 if tags else preamble, "".join(f"{line}\n" for line in new))
    return "".join(lines)


def strip_of(text: str) -> int | None:
    """How many folders the spec's %autosetup or %autopatch drops; None where it has neither."""
    line = _AUTO.search(text)
    strip = _STRIP.search(line[0]) if line else None
    return int(strip[1]) if strip else 0 if line else None
