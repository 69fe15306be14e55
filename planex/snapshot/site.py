# SPDX-License-Identifier: LGPL-2.1-or-later
"""Writes the pages of a site: each file whole, only those that changed; what is no page any more goes."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from planex.content import records, shelf
from planex.content.locks import WAITING, hold
from planex.disk import naming
from planex.drafts import DRAFT, write_atomic
from planex.errors import ConfigError
from planex.regular import NotRegular, read_regular

_RECORD, _LOCK, _FORMAT = ".planex-site.json", ".lock", 1


@dataclass(frozen=True, slots=True)
class SiteRecord:
    """The files of a site that planex wrote: it deletes no other."""

    files: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SiteChanges:
    """``pages``: how many there are; ``written``: those that are new or other; ``removed``: those that are gone."""

    pages: int
    written: tuple[str, ...]
    removed: tuple[str, ...]


def write_site(folder: Path, pages: Iterable[tuple[str, str]]) -> SiteChanges:
    """Have ``pages``, path and text, in a folder that is new, empty, or was written by this before."""
    with naming(folder, "write"):
        folder.mkdir(parents=True, exist_ok=True)
        _require_own(folder)
    with hold(folder / _LOCK, patience=WAITING):
        shelf.sweep([folder, *(path for path in folder.iterdir() if path.is_dir())])
        return _write(folder, pages)


def _write(folder: Path, pages: Iterable[tuple[str, str]]) -> SiteChanges:
    before = _known(folder)
    if not (folder / _RECORD).exists():
        _tell(folder, before)
    now: list[str] = []
    written: list[str] = []
    for name, text in pages:
        now.append(name)
        data = text.encode("utf-8", "backslashreplace")
        if _bytes(folder / name) != data:
            write_atomic(folder / name, data)
            written.append(name)
    removed = sorted(before - set(now))
    for name in removed:
        (folder / name).unlink(missing_ok=True)
        with suppress(OSError):  # other pages, or a person's files, are in it
            (folder / name).parent.rmdir()
    if before != set(now):
        _tell(folder, now)
    return SiteChanges(len(now), tuple(written), tuple(removed))


def _require_own(folder: Path) -> None:
    """A folder that holds something, and nothing of planex's, is a person's."""
    strange = [path.name for path in folder.iterdir() if path.name != _LOCK and not path.name.endswith(DRAFT)]
    if strange and not (folder / _RECORD).exists():
        message = f"{folder} is not empty, and no site of planex: {', '.join(sorted(strange)[:3])}"
        raise ConfigError(message, "name a folder that is new or empty")


def _known(folder: Path) -> set[str]:
    record = records.load(folder / _RECORD, SiteRecord, _FORMAT)
    return {name for name in (record.files if record else ()) if _inside(PurePosixPath(name))}


def _inside(path: PurePosixPath) -> bool:
    return not path.is_absolute() and ".." not in path.parts


def _tell(folder: Path, files: Iterable[str]) -> None:
    records.save(folder / _RECORD, SiteRecord(tuple(sorted(files))), _FORMAT)


def _bytes(path: Path) -> bytes | None:
    try:
        return read_regular(path, records.LIMIT)
    except NotRegular:
        return None
