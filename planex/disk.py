# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the operating system refused, in words: which path, what was being done, and how much room is left there.

Also what folders take of that room.
"""

from __future__ import annotations

import errno
import os
import stat
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from planex.errors import PlanexError
from planex.units import size_text

FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_WRITING = FULL | {errno.EROFS}
_CLEAN = (
    "make room, for instance with `planex clean` (`--what` shows what there is); "
    "the same command then goes on from here"
)
_HINTS = {
    errno.EROFS: "the file system is mounted read-only: mount it for writing, or work elsewhere",
    errno.EACCES: "look at the owner and mode of the path and of the folders above it: ls -ld",
    errno.EPERM: "look at the owner and mode of the path and of the folders above it: ls -ld",
    errno.ENAMETOOLONG: "a file's name may have 255 bytes and a path 4095: use shorter names",
    errno.EMFILE: "too many files are open: raise the limit (ulimit -n)",
}
_LITTLE = 1 << 20
"""Bytes free below which a file system is taken for full."""


class DiskError(PlanexError):
    """Reading or writing a file failed. ``errno``: the system's number of the reason."""

    def __init__(self, message: str, hint: str | None, number: int | None) -> None:
        super().__init__(message, hint)
        self.errno = number


@contextmanager
def naming(path: Path, doing: str) -> Iterator[None]:
    """Turn an OSError inside into a DiskError with a path; a plain write's own OSError carries none.

    ``doing``: ``write``, ``copy to``; it comes before the path in the message.
    """
    try:
        yield
    except OSError as error:
        raise explain(error, doing, path) from error


def write(path: Path, data: bytes) -> None:
    """Write a file in place; drafts.write_atomic is for what others read. Raises DiskError, which names it."""
    with naming(path, "write"):
        path.write_bytes(data)


def size_of(paths: Iterable[Path]) -> int:
    """Bytes that paths, and all below them, take on the disk.

    A file with several names counts once; what this user may not read is not counted.
    """
    total = 0
    seen: set[tuple[int, int]] = set()
    waiting = [os.fspath(path) for path in paths]
    while waiting:
        path = waiting.pop()
        try:
            status = os.lstat(path)
            names = os.listdir(path) if stat.S_ISDIR(status.st_mode) else []  # noqa: PTH208
        except OSError:
            continue
        if status.st_nlink > 1 and not stat.S_ISDIR(status.st_mode):
            if (status.st_dev, status.st_ino) in seen:
                continue
            seen.add((status.st_dev, status.st_ino))
        total += status.st_blocks * 512
        waiting += [f"{path}/{name}" for name in names]
    return total


def explain(error: OSError, doing: str = "", path: Path | None = None) -> DiskError:
    """The error with its path, reason and a hint; for a full file system also how much is free there."""
    place = path or _place(error) or _fullest(error)
    what = f"cannot {doing} {place}" if doing else f"{place}"
    message = f"{what}: {error.strerror or error}"
    if error.errno in FULL and place is not None:
        message += _room(Path(place))
    hint = _CLEAN if error.errno in FULL else _HINTS.get(error.errno or 0)
    return DiskError(message if place else f"a write or read failed: {error.strerror or error}", hint, error.errno)


def _place(error: OSError) -> str | None:
    """The path that the error names: of two, the one that is written where writing is what failed."""
    second = error.filename2 if error.errno in _WRITING else None
    name = second if second is not None else error.filename
    if name is None or isinstance(name, int):
        return None
    return os.fsdecode(name)


def _room(place: Path) -> str:
    """`` (3.5 MiB free on the file system of /x)``; the inodes too where those are what is short."""
    folder = _existing(place)
    try:
        status = os.statvfs(folder)
    except OSError:
        return ""
    free = f"{size_text(status.f_bavail * status.f_frsize)} free"
    if status.f_files and not status.f_favail:
        free = f"no room for more files (inodes), {free}"
    return f" ({free} on the file system of {folder})"


def _existing(place: Path) -> Path:
    return next((path for path in (place, *place.parents) if path.exists()), Path("/"))


def _fullest(error: OSError) -> Path | None:
    """Of the folders that planex writes to, one that is full; for an error that names no path."""
    if error.errno not in FULL:
        return None
    for folder in (Path("_build"), Path(), Path(tempfile.gettempdir())):
        try:
            status = os.statvfs(folder)
        except OSError:
            continue
        if status.f_bavail * status.f_frsize < _LITTLE or (status.f_files and not status.f_favail):
            return folder.absolute()
    return None
