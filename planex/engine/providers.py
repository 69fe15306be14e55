# SPDX-License-Identifier: LGPL-2.1-or-later
"""Who provides what: an index of things that have Provides and files, by name, ``pkgconfig()`` or path. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import Generic, TypeVar

from planex.rpm.capability import Capability, satisfies

_PKGCONFIG = re.compile(r"^pkgconfig\((.+)\)$")
_PATTERN = re.compile(r"[*?\[]")
Owner = TypeVar("Owner")


class Providers(Generic[Owner]):
    """``files`` may be paths, folders (which hold all below them) and patterns, as %files sections have them."""

    def __init__(self) -> None:
        self._provides: dict[str, list[tuple[Owner, Capability]]] = {}
        self._paths: dict[str, list[Owner]] = {}
        self._patterns: list[tuple[str, Owner]] = []
        self._pkgconfig: list[tuple[str, Owner]] = []

    def add(self, owner: Owner, provides: Iterable[Capability], files: Iterable[str]) -> None:
        for have in provides:
            self._provides.setdefault(have.name, []).append((owner, have))
        for file in files:
            if "/pkgconfig/" in file:
                self._pkgconfig.append((file.rsplit("/", 1)[-1], owner))
            if _PATTERN.search(file):
                self._patterns.append((file, owner))
            else:
                self._paths.setdefault(file.rstrip("/"), []).append(owner)

    def find(self, wanted: Capability) -> list[Owner]:
        """Who answers a plain requirement."""
        found = [owner for owner, have in self._provides.get(wanted.name, []) if satisfies(have, wanted)]
        if match := _PKGCONFIG.match(wanted.name):
            found += self._with_pkgconfig(f"{match.group(1)}.pc")
        elif wanted.name.startswith("/"):
            found += self._with_file(wanted.name)
        return list(dict.fromkeys(found))

    def named(self, name: str) -> list[tuple[Owner, Capability]]:
        """Who provides something of this name, whatever the version."""
        return self._provides.get(name, [])

    @property
    def names(self) -> list[str]:
        return list(self._provides)

    def _with_pkgconfig(self, name: str) -> list[Owner]:
        return [owner for pattern, owner in self._pkgconfig if fnmatchcase(name, pattern)]

    def _with_file(self, path: str) -> list[Owner]:
        found = [owner for pattern, owner in self._patterns if fnmatchcase(path, pattern)]
        while path:
            found += self._paths.get(path, [])
            path = path.rpartition("/")[0]
        return found
