# SPDX-License-Identifier: LGPL-2.1-or-later
"""Writes the pages of a site: each file whole, only those that changed; what is no page any more goes.

A page that is made from the same as the last time, by the same code, and looks as it was left, is not made again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from planex.content import records, shelf
from planex.content.locks import WAITING, hold
from planex.disk import naming
from planex.drafts import DRAFT, write_atomic
from planex.errors import ConfigError
from planex.regular import NotRegular, read_regular

_RECORD, _LOCK, _FORMAT = ".planex-site.json", ".lock", 2


@dataclass(frozen=True, slots=True)
class SiteFile:
    """A file of a site by its path there. ``made_from``: a digest of all that ``render`` reads; empty: not known."""

    name: str
    render: Callable[[], str]
    made_from: str = ""


@dataclass(frozen=True, slots=True)
class WrittenFile:
    """As a file was left."""

    made_from: str
    size: int
    mtime_ns: int


@dataclass(frozen=True, slots=True)
class SiteRecord:
    """The files of a site that planex wrote: it deletes no other. ``code``: a digest of what made them."""

    files: dict[str, WrittenFile]
    code: str = ""


@dataclass(frozen=True, slots=True)
class SiteChanges:
    """``pages``: how many there are; ``written``: those that are new or other; ``removed``: those that are gone."""

    pages: int
    written: tuple[str, ...]
    removed: tuple[str, ...]


def write_site(folder: Path, files: Iterable[SiteFile], code: str = "") -> SiteChanges:
    """Have ``files`` in a folder that is new, empty, or was written by this before. ``code``: what makes them."""
    with naming(folder, "write"):
        folder.mkdir(parents=True, exist_ok=True)
        _require_own(folder)
    with hold(folder / _LOCK, patience=WAITING):
        shelf.sweep([folder, *(path for path in folder.iterdir() if path.is_dir())])
        return _write(folder, files, code)


def _write(folder: Path, files: Iterable[SiteFile], code: str) -> SiteChanges:
    record = _known(folder)
    before = record.files if record.code == code else {}
    if not (folder / _RECORD).exists():
        records.save(folder / _RECORD, record, _FORMAT)
    now: dict[str, WrittenFile] = {}
    written: list[str] = []
    for file in files:
        path = folder / file.name
        if not (file.made_from and _look(path, file.made_from) == before.get(file.name)):
            data = file.render().encode("utf-8", "backslashreplace")
            if _bytes(path) != data:
                write_atomic(path, data)
                written.append(file.name)
        now[file.name] = _look(path, file.made_from)
    removed = sorted(record.files.keys() - now.keys())
    for name in removed:
        (folder / name).unlink(missing_ok=True)
        with suppress(OSError):  # other pages, or a person's files, are in it
            (folder / name).parent.rmdir()
    if record != (new := SiteRecord(now, code)):
        records.save(folder / _RECORD, new, _FORMAT)
    return SiteChanges(len(now), tuple(written), tuple(removed))


def _look(path: Path, made_from: str) -> WrittenFile:
    try:
        found = path.lstat()
    except OSError:
        return WrittenFile(made_from, -1, 0)
    return WrittenFile(made_from, found.st_size, found.st_mtime_ns)


def _require_own(folder: Path) -> None:
    """A folder that holds something, and nothing of planex's, is a person's."""
    strange = [path.name for path in folder.iterdir() if path.name != _LOCK and not path.name.endswith(DRAFT)]
    if strange and not (folder / _RECORD).exists():
        message = f"{folder} is not empty, and no site of planex: {', '.join(sorted(strange)[:3])}"
        raise ConfigError(message, "name a folder that is new or empty")


def _known(folder: Path) -> SiteRecord:
    record = records.load(folder / _RECORD, SiteRecord, _FORMAT) or SiteRecord({})
    inside = {name: file for name, file in record.files.items() if _inside(PurePosixPath(name))}
    return SiteRecord(inside, record.code)


def _inside(path: PurePosixPath) -> bool:
    return not path.is_absolute() and ".." not in path.parts


def _bytes(path: Path) -> bytes | None:
    try:
        return read_regular(path, records.LIMIT)
    except NotRegular:
        return None
