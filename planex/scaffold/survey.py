# SPDX-License-Identifier: LGPL-2.1-or-later
"""What is in a source tarball, as far as a spec can be told from it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from planex.sources.tarballs import content_of, read_tarball

_READ = re.compile(
    r"(configure\.(ac|in)|CMakeLists\.txt|[^/]+\.cmake|meson\.build|(GNU)?[Mm]akefile(\.am|\.in)?|pyproject\.toml|setup\.(py|cfg)"
    r"|dune-project|[^/]+\.opam|PKG-INFO|Kbuild|control|(COPYING|LICEN[CS]E|COPYRIGHT)[^/]*|README[^/]*|[^/]+\.m4)",
    re.ASCII,
)
_CODE = re.compile(r".*\.(c|h|cc|cpp|cxx|hpp|hh|inc)")
_INCLUDE = re.compile(rb"^[ \t]*#[ \t]*include[ \t]*<([\w./+-]+)>", re.MULTILINE)
_LARGEST = 1 << 20
_DEPTH = 4
_ALL = 40_000_000
"""Bytes of code that are looked through for its headers."""


@dataclass(frozen=True, slots=True)
class Survey:
    """A source: ``files`` are paths below ``top``, ``texts`` those of them that tell how it is built."""

    top: str
    files: frozenset[str]
    texts: Mapping[str, str]
    includes: frozenset[str] = frozenset()
    """What ``#include <...>`` names in its code."""

    def named(self, *names: str) -> Iterator[tuple[str, str]]:
        """Path and text of files by their name, the topmost first."""
        for path in sorted(self.texts, key=lambda path: (path.count("/"), path)):
            if PurePosixPath(path).name in names:
                yield path, self.texts[path]

    def has(self, *paths: str) -> bool:
        return any(path in self.files for path in paths)

    def ends(self, *suffixes: str) -> bool:
        return any(path.endswith(suffixes) for path in self.files)


def survey(tarball: Path) -> Survey:
    """Read a tarball. PlanexError for what is none, or a bomb."""
    files: set[str] = set()
    tops: dict[str, None] = {}
    texts: dict[str, str] = {}
    includes: set[str] = set()
    seen = 0
    for entry, archive in read_tarball(tarball):
        parts = [part for part in PurePosixPath(entry.name).parts if part != "."]
        if len(parts) < 2 or not (entry.isreg() or entry.issym()):
            continue
        tops[parts[0]] = None
        path = "/".join(parts[1:])
        files.add(path)
        telling = len(parts) <= _DEPTH + 1 and _READ.fullmatch(parts[-1]) and entry.size <= _LARGEST
        code = _CODE.fullmatch(parts[-1]) and seen < _ALL
        if telling or code:
            data = content_of(entry, archive, str(tarball)) or b""
            if telling:
                texts[path] = data.decode(errors="replace")
            else:
                seen += len(data)
                includes |= {name.decode() for name in _INCLUDE.findall(data)}
    return Survey(next(iter(tops), ""), frozenset(files), texts, frozenset(includes))
