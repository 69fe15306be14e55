# SPDX-License-Identifier: LGPL-2.1-or-later
"""Source files in memory: what patches are tried on, wherever they come from (a tarball, a folder, a git tree)."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

FILE, EXECUTABLE, SYMLINK = "100644", "100755", "120000"


@dataclass(frozen=True, slots=True)
class File:
    """A file's content and git mode. The content of a symbolic link is its target."""

    data: bytes
    mode: str = FILE

    @property
    def blob_id(self) -> str:
        """The id that git gives this content."""
        return hashlib.sha1(b"blob %d\0" % len(self.data) + self.data, usedforsecurity=False).hexdigest()


Changes = Mapping[str, File | None]
"""Path to new content; None: the file is gone."""


class FileSet:
    """Files read on demand from a source, with changes laid over it."""

    def __init__(self, read: Callable[[str], File | None]) -> None:
        self._read = read
        self._known: dict[str, File | None] = {}

    def get(self, path: str) -> File | None:
        """The file, or None where there is none."""
        if path not in self._known:
            self._known[path] = self._read(path)
        return self._known[path]

    def known(self, path: str) -> File | None:
        """The file if it was read already."""
        return self._known.get(path)

    def forget(self, paths: Iterable[str]) -> None:
        """Read these again when they are next asked for."""
        for path in paths:
            self._known.pop(path, None)

    def update(self, changes: Changes) -> None:
        self._known.update(changes)
