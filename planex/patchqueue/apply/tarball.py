# SPDX-License-Identifier: LGPL-2.1-or-later
"""Reads single files out of a source, so that a patch can be tried without unpacking a large tree.

A tarball is streamed once for the files that are asked for; they are kept below a cache folder by the tarball's
checksum, together with the knowledge of which files are not in it.
"""

from __future__ import annotations

import tarfile
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from planex.checksums import digest_of, digest_of_text
from planex.content import records
from planex.content.locks import WAITING, hold
from planex.disk import write
from planex.git.files import EXECUTABLE, FILE, SYMLINK, File
from planex.patchqueue.apply.gnupatch import read_file
from planex.sources.tarballs import content_of, read_tarball

_FORMAT = 1


@dataclass(frozen=True, slots=True)
class Touched:
    """The index of the files that were taken out of a tarball: path to git mode, empty if it is not in there."""

    modes: Mapping[str, str]


def members(tarball: Path) -> Iterator[tuple[str, tarfile.TarInfo, tarfile.TarFile]]:
    """Path below the top folder, entry and archive of every file and link, in the tarball's order."""
    for entry, archive in read_tarball(tarball):
        path = below_top(entry.name)
        if path and not entry.isdir():
            yield path, entry, archive


def read_member(entry: tarfile.TarInfo, archive: tarfile.TarFile, tarball: Path) -> File | None:
    """A member's content; None for devices and the like. Hard links are not followed."""
    if entry.issym():
        return File(entry.linkname.encode("utf-8", "surrogateescape"), SYMLINK)
    content = content_of(entry, archive, str(tarball))
    return None if content is None else File(content, EXECUTABLE if entry.mode & 0o100 else FILE)


def below_top(name: str) -> str:
    """A member's path without the tarball's top folder; empty for the folder itself and for paths that lead out."""
    parts = [part for part in PurePosixPath(name).parts if part not in (".", "/")]
    return "" if ".." in parts else "/".join(parts[1:])


class SourceFiles:
    """Single files of a tarball (cached) or of an unpacked folder."""

    def __init__(self, source: Path, cache: Path, checksum: str | None = None) -> None:
        self.source = source
        self._folder: Path | None = None
        if not source.is_dir():
            self.key = checksum or digest_of(source, "SHA256")
            self._folder = cache / "touched" / self.key

    def load(self, paths: Collection[str]) -> None:
        """Make these paths readable with one pass over the tarball, if they are not yet."""
        if self._folder is None:
            return
        with hold(self._folder / ".lock", patience=WAITING):
            known = self._known()
            wanted = set(paths) - known.keys()
            if wanted:
                self._extract(wanted, known)

    def read(self, path: str) -> File | None:
        """The file at a path, below the top folder; links in the folders above it are followed."""
        if self._folder is None:
            return read_file(self.source / path) if _inside(path) else None
        kind = self._known().get(path)
        if kind is None:
            self.load([path])
            kind = self._known()[path]
        return self._stored(path, kind)

    def _stored(self, path: str, kind: str) -> File | None:
        assert self._folder is not None
        return File((self._folder / _name(path)).read_bytes(), kind) if kind else None

    def _known(self) -> dict[str, str]:
        """Path to git mode; an empty mode: not in the tarball."""
        assert self._folder is not None
        index = records.load(self._folder / "index.json", Touched, _FORMAT)
        return dict(index.modes) if index else {}

    def _extract(self, wanted: set[str], known: dict[str, str]) -> None:
        assert self._folder is not None
        found = dict.fromkeys(wanted, "")
        for path, entry, archive in members(self.source):
            if path in wanted and (file := read_member(entry, archive, self.source)):
                write(self._folder / _name(path), file.data)
                found[path] = file.mode
        records.save(self._folder / "index.json", Touched(known | found), _FORMAT)


def _inside(path: str) -> bool:
    return ".." not in PurePosixPath(path).parts


def _name(path: str) -> str:
    """A flat file name for a path."""
    return digest_of_text(path)
