# SPDX-License-Identifier: LGPL-2.1-or-later
"""A shared store in a folder: of this machine, or of a file server."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path

from planex.content import shelf
from planex.content.copies import PUBLISHED, copy_file, sync
from planex.disk import explain
from planex.regular import NotRegular, open_regular
from planex.sharing.place import Unreachable

_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class FolderPlace:
    """``root`` is made by a person: one that is not there is a disk that is not mounted."""

    root: Path

    @contextmanager
    def read(self, path: str) -> Iterator[Iterator[bytes] | None]:
        if not self.has(path):
            yield None
            return
        try:
            file = open_regular(self.root / path)
        except NotRegular as error:
            raise Unreachable(error.message) from None
        with file:
            yield _pieces(file)

    def has(self, path: str) -> bool:
        if not self.root.is_dir():
            raise Unreachable("there is no such folder", f"make or mount it: mkdir -p {self.root}")
        return os.path.lexists(self.root / path)

    def write(self, path: str, content: Path | bytes, *, replace: bool = False) -> bool:
        final = self.root / path
        if self.has(path) and not replace:
            with suppress(OSError):
                os.utime(final)  # it was brought just now, for whoever deletes what is old
            return False
        try:
            with shelf.draft(final) as draft:
                made = draft / final.name
                _fill(made, content)
                return _place(made, final, replace=replace)
        except OSError as error:
            raise Unreachable(explain(error, "write", final).message) from None


def _fill(made: Path, content: Path | bytes) -> None:
    if isinstance(content, Path):
        copy_file(content, made)
    else:
        made.write_bytes(content)
        made.chmod(PUBLISHED)
    sync([made])


def _place(made: Path, final: Path, *, replace: bool) -> bool:
    """Of two that do so at once, only one succeeds, where the file system has links."""
    if not replace:
        try:
            os.link(made, final)
        except FileExistsError:
            return False
        except OSError:
            replace = True
    if replace:
        shelf.publish(made, final)
    sync([final.parent])
    return True


def _pieces(file: BufferedReader) -> Iterator[bytes]:
    try:
        while data := file.read(_CHUNK):
            yield data
    except OSError as error:
        raise Unreachable(explain(error).message) from None
