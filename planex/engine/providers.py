# SPDX-License-Identifier: LGPL-2.1-or-later
"""Who provides what: an index of things that have Provides and files, by name, path or what rpm will make of files.

Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import Generic, TypeVar

from planex.engine import generated
from planex.rpm.capability import Capability, satisfies

_PATTERN = re.compile(r"[*?\[]")
Owner = TypeVar("Owner")


class Providers(Generic[Owner]):
    """``files`` may be paths, folders (which hold all below them) and patterns, as %files sections have them."""

    def __init__(self, *, guess: bool = True) -> None:
        """``guess``: of files, which Provides rpm will make of them; not where Provides are those of a built RPM."""
        self._guess = guess
        self._provides: dict[str, list[tuple[Owner, Capability]]] = {}
        self._paths: dict[str, list[Owner]] = {}
        self._patterns: list[tuple[str, Owner]] = []
        self._generated: dict[generated.Key, list[Owner]] = {}
        self._generated_patterns: dict[str, list[tuple[str, Owner]]] = {}
        self._any: dict[str, list[Owner]] = {}
        """Kind to those with a pattern that fits whatever is of this kind."""

    def add(self, owner: Owner, provides: Iterable[Capability], files: Iterable[str]) -> None:
        for have in provides:
            self._provides.setdefault(have.name, []).append((owner, have))
        for file in files:
            if _PATTERN.search(file):
                self._patterns.append((file, owner))
            else:
                self._paths.setdefault(file.rstrip("/"), []).append(owner)
            if self._guess and (key := generated.from_file(file)):
                self._expect(key, owner)

    def _expect(self, key: generated.Key, owner: Owner) -> None:
        kind, text = key
        if text.startswith("*"):
            self._any.setdefault(kind, []).append(owner)
        elif _PATTERN.search(text):
            self._generated_patterns.setdefault(kind, []).append((text, owner))
        else:
            self._generated.setdefault(key, []).append(owner)

    def find(self, wanted: Capability) -> list[Owner]:
        """Who answers a plain requirement."""
        found = [owner for owner, have in self._provides.get(wanted.name, []) if satisfies(have, wanted)]
        if wanted.name.startswith("/"):
            found += self._with_file(wanted.name)
        elif self._guess and (key := generated.key_of(wanted.name)):
            found += self._expected(key)
        return list(dict.fromkeys(found))

    def perhaps(self, wanted: Capability) -> list[Owner]:
        """Who may answer a requirement, for all that is known: ``*.pc`` can be any module."""
        key = generated.key_of(wanted.name) if self._guess else None
        return list(dict.fromkeys(self._any.get(key[0], []))) if key else []

    def named(self, name: str) -> list[tuple[Owner, Capability]]:
        """Who provides something of this name, whatever the version."""
        return self._provides.get(name, [])

    @property
    def names(self) -> list[str]:
        return list(self._provides)

    def _expected(self, key: generated.Key) -> list[Owner]:
        kind, text = key
        found = [owner for name in generated.packages_of(key) for owner, _ in self._provides.get(name, [])]
        found += [owner for pattern, owner in self._generated_patterns.get(kind, []) if fnmatchcase(text, pattern)]
        while text:
            found += self._generated.get((kind, text), [])
            text = text.rpartition("/")[0]
        return found

    def _with_file(self, path: str) -> list[Owner]:
        found = [owner for pattern, owner in self._patterns if fnmatchcase(path, pattern)]
        while path:
            found += self._paths.get(path, [])
            path = path.rpartition("/")[0]
        return found
