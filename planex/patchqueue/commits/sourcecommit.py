# SPDX-License-Identifier: LGPL-2.1-or-later
"""Upstream sources as git commits: the same tarball gives the same commit id on every machine."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from planex.checksums import digest_of
from planex.errors import PlanexError
from planex.git.files import File
from planex.git.pipes import Importer
from planex.git.repository import Repository, Signature
from planex.patchqueue.apply.gnupatch import read_file
from planex.patchqueue.apply.tarball import below_top, members, read_member

IMPORT_FORMAT = 1
"""Raise when the commits made for a tarball change."""
_MESSAGE = "Upstream source as released\n"


@dataclass(frozen=True, slots=True)
class ImportedSource:
    """An imported source. ``key`` names its content; ``label`` is what people call it, such as its version."""

    commit: str
    tree: str
    key: str
    label: str


@dataclass(frozen=True, slots=True)
class _Member:
    """A file of a source; or, with no ``file``, a hard link to an earlier path. ``seconds``: its time of change."""

    path: str
    file: File | None
    link: str
    seconds: int


def import_source(repository: Repository, source: Path, label: str, checksum: str | None = None) -> ImportedSource:
    """The commit for a tarball or an unpacked folder, made now if it is not there.

    ``checksum`` spares hashing a tarball whose content is already known by a digest. The commit's date is that of
    the newest file in a tarball; a folder, whose times mean nothing, gets none.
    """
    if not source.exists():
        raise PlanexError(f"{source}: no such source")
    key = checksum or (digest_of(source, "SHA256") if source.is_file() else "")
    ref = f"refs/planex/source/{IMPORT_FORMAT}/{key or 'folder'}"
    commit = repository.resolve(ref) if key else None
    if commit is None:
        commit = _import(repository, source, ref)
    tree = repository.git("rev-parse", f"{commit}^{{tree}}")
    return ImportedSource(commit, tree, key or tree, label)


def _import(repository: Repository, source: Path, ref: str) -> str:
    with Importer(repository) as out:
        marks: dict[str, tuple[str, int]] = {}
        newest = 0
        for member in _from_folder(source) if source.is_dir() else _from_tarball(source):
            newest = max(newest, member.seconds)
            if member.file is not None:
                marks[member.path] = member.file.mode, out.blob(member.file.data)
            elif member.link in marks:
                marks[member.path] = marks[member.link]
        if not marks:
            raise PlanexError(f"{source} holds no files below a top folder", f"look at it: tar tf {source}")
        commit = out.begin_commit(ref, None, Signature("upstream", "upstream@localhost", newest), _MESSAGE)
        for path, (mode, mark) in sorted(marks.items()):
            out.put_blob(path, mode, mark)
        return out.commit_ids([commit])[0]


def _from_tarball(source: Path) -> Iterator[_Member]:
    for path, entry, archive in members(source):
        link = below_top(entry.linkname) if entry.islnk() else ""
        file = None if link else read_member(entry, archive, source)
        if link or file:
            yield _Member(path, file, link, int(entry.mtime))


def _from_folder(source: Path) -> Iterator[_Member]:
    for path in sorted(source.rglob("*")):
        relative = path.relative_to(source)
        if relative.parts[0] != ".git" and (path.is_symlink() or not path.is_dir()) and (file := read_file(path)):
            yield _Member(str(relative), file, "", 0)
