# SPDX-License-Identifier: LGPL-2.1-or-later
"""How files, folders and links change unseen: made in a draft beside their place, and put there by one rename.

Whoever makes a draft holds a lock on it, so that one which a killed run left can be told from one that is in use.
"""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from planex.disk import naming

DRAFT = ".draft"
"""How the hidden name of a file or folder ends that is about to be renamed, or to go."""


def write_atomic(path: Path, data: str | bytes, *, durable: bool = False) -> None:
    """Write a file so that it appears whole or not at all; with ``durable`` it then outlives a power cut.

    Raises DiskError, which names the file.
    """
    with naming(path, "write"):
        temporary, handle = _begin_draft(path.parent, path.name, folder=False)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data.encode("utf-8", "surrogateescape") if isinstance(data, str) else data)
                file.flush()
                os.fchmod(file.fileno(), 0o644)
                if durable:
                    os.fsync(file.fileno())
                temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
        if durable:
            sync_folder(path.parent)


def _begin_draft(parent: Path, name: str, *, folder: bool) -> tuple[Path, int]:
    """A new draft, and an open file on it that has its lock: what nobody has a lock on, anybody may sweep."""
    while True:
        parent.mkdir(parents=True, exist_ok=True)
        # A short name of its own: the file's may be as long as a name can be.
        path = parent / f".{name[:50]}.{os.urandom(4).hex()}{DRAFT}"
        if folder:
            path.mkdir()
        with suppress(FileNotFoundError):  # it or its parent was swept away before it had its lock
            handle = os.open(path, os.O_RDONLY if folder else os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
            with suppress(OSError):  # a file system without locks: nothing can be swept there either
                fcntl.flock(handle, fcntl.LOCK_SH)
            if path.exists():
                return path, handle
            os.close(handle)


@contextmanager
def abandoned(draft: Path) -> Iterator[bool]:
    """Whether nobody is at work on a draft any more; nobody begins to be while the context lasts."""
    try:
        handle = os.open(draft, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        yield error.errno == errno.ELOOP  # a link of an older planex
        return
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        free = True
    except OSError:
        free = False
    try:
        yield free
    finally:
        os.close(handle)


def sync_folder(folder: Path) -> None:
    """Have the names in a folder, as they are now, on the disk."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def temporary_folder(parent: Path, name: str = "tmp") -> Iterator[Path]:
    """A new folder below ``parent``, gone at the end unless it was renamed away."""
    folder, handle = _begin_draft(parent, name, folder=True)
    try:
        folder.chmod(0o755)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(handle)


def switch_link(link: Path, destination: Path) -> None:
    """Point a symbolic link at a sibling in one step; readers see the old or the new, never neither."""
    with temporary_folder(link.parent, link.name) as folder:
        (folder / "link").symlink_to(os.path.relpath(destination, link.parent))
        (folder / "link").replace(link)
    sync_folder(link.parent)
