# SPDX-License-Identifier: LGPL-2.1-or-later
"""Copies of files that share no inode with what they were copied from, and files forced onto the disk."""

from __future__ import annotations

import errno
import fcntl
import filecmp
import os
import stat
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from planex.errors import PlanexError

PUBLISHED = 0o444
"""Mode of files that are never written again."""
_FICLONE = 0x40049409
_CHUNK = 1 << 24
_UNABLE = {errno.EOPNOTSUPP, errno.EXDEV, errno.EINVAL, errno.ENOTTY, errno.ENOSYS, errno.EPERM, errno.EBADF}
"""What a file system says that cannot share blocks between files, or not between these two."""


def copy_file(source: Path, destination: Path, mode: int = PUBLISHED) -> None:
    """Copy a regular file's bytes into a new file; its blocks are shared where the file system can.

    Links are not followed. What fails leaves nothing behind; an OSError names the destination.
    """
    reading = os.open(source, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        if not stat.S_ISREG(os.fstat(reading).st_mode):
            raise PlanexError(f"{source} is no regular file")
        writing = os.open(destination, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            clone_or_copy(reading, writing)
            os.fchmod(writing, mode)
        except BaseException as error:
            destination.unlink(missing_ok=True)
            if isinstance(error, OSError):
                raise OSError(error.errno, error.strerror, str(destination)) from None
            raise
        finally:
            os.close(writing)
    finally:
        os.close(reading)


def clone_or_copy(reading: int, writing: int) -> None:
    """All bytes of one open file into another, empty one: shared blocks, else inside the kernel, else by hand."""
    if _clone(reading, writing) or _copy_in_kernel(reading, writing):
        return
    while data := os.read(reading, _CHUNK):
        write_all(writing, data)


def _clone(reading: int, writing: int) -> bool:
    try:
        fcntl.ioctl(writing, _FICLONE, reading)
    except OSError as error:
        if error.errno not in _UNABLE:
            raise
        return False
    return True


def _copy_in_kernel(reading: int, writing: int) -> bool:
    """Whether it copied all; some file systems say that they have, and copied nothing."""
    done, size = 0, os.fstat(reading).st_size
    try:
        while count := os.copy_file_range(reading, writing, _CHUNK, done, done):
            done += count
    except OSError as error:
        if error.errno not in _UNABLE:
            raise
        return False
    return done >= size


def write_all(handle: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(handle, view) :]


def sync(paths: Iterable[Path]) -> None:
    """Have the kernel put files and folders onto the disk, so that a power cut cannot take them back."""
    for path in paths:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            os.fsync(handle)
        except OSError as error:
            raise OSError(error.errno, error.strerror, str(path)) from None
        finally:
            os.close(handle)


def sync_tree(folder: Path) -> None:
    """A folder, and all that is in it, onto the disk."""
    sync(path for path in sorted(folder.rglob("*"), reverse=True) if not path.is_symlink())
    sync([folder])


def link_or_copy(source: Path, destination: Path) -> None:
    """The same file under another name; a copy where the file system has no more links, or none for this user."""
    try:
        os.link(source, destination)
    except OSError:
        copy_file(source, destination)


def share(folder: Path, other: Path) -> None:
    """Link each file that has the same bytes at the same path in ``other``, so that they are on the disk only once."""
    for file in folder.rglob("*"):
        old = other / file.relative_to(folder)
        if file.is_symlink() or not file.is_file() or not old.is_file() or old.samefile(file):
            continue
        if filecmp.cmp(old, file, shallow=False):
            with suppress(OSError):  # a file system without links, or with as many as it takes
                os.link(old, spare := file.with_name(f".{file.name[:50]}.shared"))
                spare.replace(file)
