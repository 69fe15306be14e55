# SPDX-License-Identifier: LGPL-2.1-or-later
"""Whom to send a patch to, by the MAINTAINERS file of Linux, Xen, QEMU and others. Pure: text in, addresses out.

A section has a title and lines ``M:`` (maintainer), ``R:`` (reviewer), ``L:`` (list), ``F:`` (files that it covers) and
``X:`` (files that it does not). Upstream's own script is not run. ``K:`` and ``N:``, patterns in Perl, are passed over.
"""

from __future__ import annotations

import email.utils
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

FILE = "MAINTAINERS"
_LINE = re.compile(r"([MRLFX]):\s*(\S.*)")
_REST = "THE REST"
_MAX_LINE = 500
"""Characters. A longer line is no address and no pattern."""


@dataclass(frozen=True, slots=True)
class Area:
    """A section: who looks after which files."""

    title: str
    people: tuple[str, ...]
    lists: tuple[str, ...]
    files: tuple[str, ...]
    excluded: tuple[str, ...]

    def covers(self, path: str) -> bool:
        inside = any(_pattern(pattern).match(path) for pattern in self.files)
        return inside and not any(_pattern(pattern).match(path) for pattern in self.excluded)


@dataclass(frozen=True, slots=True)
class Recipients:
    """Lists to write to and people to copy, each once."""

    lists: tuple[str, ...] = ()
    people: tuple[str, ...] = ()


def parse_areas(text: str) -> list[Area]:
    """The sections of a MAINTAINERS file; those that cover no file are left out, and with them the explanation."""
    areas = (_area(block) for block in re.split(r"\n\s*\n", text.replace("\r\n", "\n")))
    return [area for area in areas if area.files]


def _area(block: str) -> Area:
    title, *lines = block.strip("\n").split("\n")
    found: dict[str, list[str]] = {}
    for line in lines:
        if len(line) <= _MAX_LINE and (match := _LINE.match(line)):
            found.setdefault(match[1], []).append(match[2].strip())
    people = (_address(word) for word in found.get("M", []) + found.get("R", []))
    lists = (_address(word) for word in found.get("L", []))
    return Area(
        title.strip(), tuple(people), tuple(lists), tuple(found.get("F", ())), tuple(found.get("X", ()))
    )  # fmt: skip


def _address(text: str) -> str:
    """``Name <address>`` without what stands around it, empty if it is none."""
    name, address = email.utils.parseaddr(re.sub(r"\([^)]*\)\s*$", "", text))
    if "@" not in address:
        return ""
    return f"{name} <{address}>" if name else address


@lru_cache(maxsize=4096)
def _pattern(pattern: str) -> re.Pattern[str]:
    """``a/`` is all below, ``a/*`` all in and nothing below, ``a`` the file or all below the folder."""
    text = re.escape(pattern).replace(r"\*", "[^/]*").replace(r"\?", "[^/]")
    return re.compile(text if pattern.endswith("/") else f"{text}(?:/|$)" if "*" not in pattern else f"{text}$")


def recipients(areas: Iterable[Area], paths: Iterable[str]) -> Recipients:
    """Whom a change of some files concerns; the people of THE REST only where nobody else looks after a file."""
    lists: dict[str, None] = {}
    people: dict[str, None] = {}
    known = list(areas)
    for path in paths:
        covering = [area for area in known if area.covers(path)]
        special = [area for area in covering if area.title != _REST and any(area.people)]
        lists |= dict.fromkeys(address for area in covering for address in area.lists if address)
        people |= dict.fromkeys(_people(special or covering))
    return Recipients(tuple(lists), tuple(people))


def _people(areas: Iterable[Area]) -> Iterator[str]:
    for area in areas:
        yield from filter(None, area.people)
